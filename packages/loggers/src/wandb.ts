import { definePlugin, type Logger, LookalikeError } from '@lookalike/core'
import { z } from 'zod'
import { postJson } from './post-json.js'

const options = z.strictObject({
  project: z.string().min(1).default('lookalike').describe('Name of the project; made where there is none.'),
  entity: z
    .string()
    .min(1)
    .optional()
    .describe("User or team. Default: the environment's WANDB_ENTITY, else the key's own."),
  url: z
    .string()
    .min(1)
    .optional()
    .describe("The server's address. Default: the environment's WANDB_BASE_URL, else https://api.wandb.ai."),
  interval: z
    .number()
    .min(0)
    .default(5)
    .describe('Seconds between two requests; the service refuses those who ask too often.'),
  timeout: z.int().min(1).default(10_000).describe('Milliseconds that a request may take.'),
})
export type WandbOptions = z.input<typeof options>

const UPSERT = `mutation ($name: String!, $displayName: String, $project: String, $entity: String, $config: JSONString) {
  upsertBucket(input: { name: $name, displayName: $displayName, modelName: $project, entityName: $entity, config: $config }) {
    bucket { name project { name entity { name } } }
  }
}`

interface Bucket {
  readonly name: string
  readonly project: { readonly name: string; readonly entity: { readonly name: string } }
}

/**
 * Figures to Weights & Biases, as its own open client sends them: the run by GraphQL, its history as lines of a streamed file
 * (https://github.com/wandb/wandb, `file_stream`). The environment's WANDB_API_KEY says who is asking. Where a run goes on from a checkpoint,
 * a new run is made.
 *
 * @throws `logger/wandb` with what the server said
 */
export function createWandbLogger(given: WandbOptions = {}): Logger {
  const { project, entity = process.env['WANDB_ENTITY'], interval, timeout, ...rest } = options.parse(given)
  const base = (rest.url ?? process.env['WANDB_BASE_URL'] ?? 'https://api.wandb.ai').replace(/\/+$/, '')
  if (!/^https?:\/\//i.test(base)) throw failed(base, 'is no http address')
  const key = process.env['WANDB_API_KEY']
  if (!key) throw noKey()
  const headers = { authorization: `Basic ${Buffer.from(`api:${key}`).toString('base64')}` }

  async function call(at: string, body: unknown): Promise<Readonly<Record<string, unknown>>> {
    const answer = await postJson(at, body, headers, timeout).catch((cause: Error) => {
      throw failed(at, `cannot be reached: ${cause.message}`, cause)
    })
    // GraphQL answers 200 to what it refuses.
    if (!answer.ok || answer.value?.['errors']) throw failed(at, answer.said)
    return answer.value!
  }

  return {
    specVersion: 'v1',
    name: 'wandb',
    async open({ name, facts, resumed }) {
      const config = { ...facts, 'lookalike.resumed': resumed }
      const variables = {
        name: runId(),
        displayName: name,
        project,
        entity,
        config: JSON.stringify(Object.fromEntries(Object.entries(config).map(([fact, value]) => [fact, { value }]))),
      }
      const made = await call(`${base}/graphql`, { query: UPSERT, variables })
      const { bucket } = (made['data'] as { upsertBucket?: { bucket?: Bucket } } | undefined)?.upsertBucket ?? {}
      if (!bucket) throw failed(base, 'made no run')
      const parts = [bucket.project.entity.name, bucket.project.name, bucket.name].map(encodeURIComponent)
      const stream = `${base}/files/${parts.join('/')}/file_stream`

      let lines: string[] = []
      let sent = 0
      let posted = Number.NEGATIVE_INFINITY
      let last = 0
      const flush = async () => {
        const content = lines
        lines = []
        posted = performance.now()
        if (content.length > 0) await call(stream, { files: { 'wandb-history.jsonl': { offset: sent, content } } })
        sent += content.length
      }
      return {
        async log({ step, figures }) {
          last = step ?? last
          lines.push(JSON.stringify({ ...figures, _step: last, _timestamp: Date.now() / 1000 }))
          if (performance.now() - posted >= 1000 * interval) await flush()
        },
        async close({ state, metrics }) {
          await flush()
          const summary = JSON.stringify({ ...metrics, _step: last, 'lookalike.state': state })
          await call(stream, { files: { 'wandb-summary.json': { offset: 0, content: [summary] } } })
          await call(stream, { complete: true, exitcode: state === 'finished' ? 0 : 1 })
        },
      }
    },
  }
}

/** Eight letters and digits, as the service's own clients name runs. */
function runId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8))
  return Array.from(bytes, (byte) => 'abcdefghijklmnopqrstuvwxyz012345'[byte % 32]).join('')
}

const failed = (url: string, problem: string, cause?: unknown) =>
  new LookalikeError(
    'logger/wandb',
    { problem: `${url} ${problem}`, fix: 'Check WANDB_API_KEY, the project, the entity and the address.' },
    { fields: { url }, cause },
  )

const noKey = () =>
  new LookalikeError('logger/wandb', {
    problem: 'Nothing says who logs to Weights & Biases',
    expected: 'a key in WANDB_API_KEY',
  })

export const wandbPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'logger',
  name: 'wandb',
  description: 'Figures to Weights & Biases.',
  options,
  create: (given) => createWandbLogger(given),
})

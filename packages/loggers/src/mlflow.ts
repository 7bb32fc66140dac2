import { definePlugin, type Logger, LookalikeError } from '@lookalike/core'
import { z } from 'zod'
import { postJson } from './post-json.js'

const options = z.strictObject({
  url: z
    .string()
    .min(1)
    .optional()
    .describe("The tracking server's address. Default: the environment's MLFLOW_TRACKING_URI."),
  experiment: z.string().min(1).default('lookalike').describe('Name of the experiment; made where there is none.'),
  timeout: z.int().min(1).default(10_000).describe('Milliseconds that a request may take.'),
})
export type MlflowOptions = z.input<typeof options>

/** Of one request, as the interface says. */
const MOST_PARAMS = 100
const LONGEST_PARAM = 500

/**
 * Figures to an MLflow tracking server, over its REST interface (https://mlflow.org/docs/latest/rest-api.html). The environment says who is asking, as for
 * MLflow's own clients: MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD.
 *
 * @throws `logger/mlflow` with what the server said
 */
export function createMlflowLogger(given: MlflowOptions = {}): Logger {
  const { url = process.env['MLFLOW_TRACKING_URI'], experiment, timeout } = options.parse(given)
  if (url === undefined || !/^https?:\/\//i.test(url)) throw noServer(url)
  const base = `${url.replace(/\/+$/, '')}/api/2.0/mlflow`

  async function call(
    path: string,
    body: unknown,
    allowed?: string,
  ): Promise<Readonly<Record<string, unknown>> | undefined> {
    const at = `${base}/${path}`
    const answer = await postJson(at, body, authorisation(), timeout).catch((cause: Error) => {
      throw failed(at, `cannot be reached: ${cause.message}`, cause)
    })
    if (answer.ok) return answer.value
    if (allowed !== undefined && answer.value?.['error_code'] === allowed) return undefined
    throw failed(at, answer.said)
  }

  async function experimentId(): Promise<string> {
    const made = await call('experiments/create', { name: experiment }, 'RESOURCE_ALREADY_EXISTS')
    if (typeof made?.['experiment_id'] === 'string') return made['experiment_id']
    const found = await call('experiments/search', {
      filter: `name = '${experiment.replaceAll("'", "\\'")}'`,
      max_results: 1,
    })
    const [first] = (found?.['experiments'] ?? []) as { experiment_id?: string }[]
    if (typeof first?.experiment_id === 'string') return first.experiment_id
    throw failed(base, `has no experiment ${experiment}, which may have been deleted`)
  }

  return {
    specVersion: 'v1',
    name: 'mlflow',
    async open({ name, facts, resumed }) {
      const experiment_id = await experimentId()
      const tags = [
        { key: 'mlflow.runName', value: name },
        { key: 'lookalike.resumed', value: String(resumed) },
      ]
      const created = await call('runs/create', { experiment_id, run_name: name, start_time: Date.now(), tags })
      const info = (created?.['run'] as { info?: { run_id?: string } } | undefined)?.info
      if (typeof info?.run_id !== 'string') throw failed(base, 'gave no run_id')
      const { run_id } = info
      const params = paramsOf(facts)
      for (let start = 0; start < params.length; start += MOST_PARAMS)
        await call('runs/log-batch', { run_id, params: params.slice(start, start + MOST_PARAMS) })
      let last = 0
      const log = async (figures: Readonly<Record<string, number>>, step: number) => {
        const metrics = Object.entries(figures).map(([key, value]) => ({
          key: nameOf(key),
          value,
          timestamp: Date.now(),
          step,
        }))
        if (metrics.length > 0) await call('runs/log-batch', { run_id, metrics })
      }
      return {
        log: ({ step, figures }) => {
          last = step ?? last
          return log(figures, last)
        },
        async close({ state, metrics }) {
          await log(metrics, last)
          const status = { finished: 'FINISHED', aborted: 'KILLED', failed: 'FAILED' }[state]
          await call('runs/update', { run_id, status, end_time: Date.now() })
        },
      }
    },
  }
}

/** Letters, digits, `_`, `-`, `.`, space and `/` are what every version of MLflow takes. */
const nameOf = (name: string) => name.replaceAll('@', '_at_').replace(/[^\w\-. /]/g, '_')

/** Nested facts by their path. */
function paramsOf(facts: unknown, at = ''): { key: string; value: string }[] {
  if (typeof facts !== 'object' || facts === null)
    return [{ key: nameOf(at), value: String(facts).slice(0, LONGEST_PARAM) }]
  return Object.entries(facts)
    .filter(([, value]) => value !== undefined)
    .flatMap(([key, value]) => paramsOf(value, at === '' ? key : `${at}.${key}`))
}

function authorisation(): Record<string, string> {
  const { MLFLOW_TRACKING_TOKEN: token, MLFLOW_TRACKING_USERNAME: user, MLFLOW_TRACKING_PASSWORD: secret } = process.env
  if (token) return { authorization: `Bearer ${token}` }
  if (user === undefined || secret === undefined) return {}
  return { authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}` }
}

const failed = (url: string, problem: string, cause?: unknown) =>
  new LookalikeError(
    'logger/mlflow',
    { problem: `${url} ${problem}`, fix: 'Check the address, and MLFLOW_TRACKING_TOKEN or user name and password.' },
    { fields: { url }, cause },
  )

const noServer = (url: string | undefined) =>
  new LookalikeError('logger/mlflow', {
    problem: url === undefined ? 'Nothing says where the MLflow server is' : `The MLflow server is ${url}`,
    expected: 'an http address as the option "url", or in MLFLOW_TRACKING_URI',
  })

export const mlflowPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'logger',
  name: 'mlflow',
  description: 'Figures to an MLflow tracking server.',
  options,
  create: (given) => createMlflowLogger(given),
})

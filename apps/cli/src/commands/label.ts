import { once } from 'node:events'
import path from 'node:path'
import { type DatasetItem, type ImageRequest, LookalikeError } from '@lookalike/core'
import { memberDim, memberGaps, readEnsemble } from '@lookalike/ensemble'
import { type Pipeline } from '@lookalike/pipeline'
import { type CommandContext, commonArgs, configArgs, defineCommand } from '../command.js'
import { drawQuestions, type LabelQuestion, openLabelSession, orderByDisagreement } from '../label/label-session.js'
import { serveLabels } from '../label/serve-labels.js'
import { openProject, withPipeline } from '../open-project.js'

export const label = defineCommand({
  name: 'label',
  args: {
    out: {
      type: 'string',
      alias: 'o',
      valueHint: 'file.csv',
      default: 'triples.csv',
      description: 'Where the answers go; what it already answers is not asked again.',
    },
    questions: { type: 'string', valueHint: 'number', default: '1000', description: 'How many questions to draw.' },
    port: { type: 'string', valueHint: 'number', default: '4321', description: 'Of the page; 0 takes a free one.' },
    host: {
      type: 'string',
      valueHint: 'address',
      default: '127.0.0.1',
      description: 'Where to listen; 0.0.0.0 lets a phone of the same network answer, and anyone else there.',
    },
    ...configArgs,
    ...commonArgs,
  },
  examples: [
    [
      'lookalike label --config examples/emoji',
      'open the printed address; arrow keys answer, space skips, backspace undoes',
    ],
    ['lookalike label --host 0.0.0.0 --out answers.csv', 'answer from a phone'],
  ],
  takesOverrides: true,
  async run(args, context) {
    const { output, operation } = context
    const count = wholeNumber('--questions', args.questions, 1)
    const port = wholeNumber('--port', args.port, 0)
    const project = await openProject(args, context.overrides)
    await withPipeline(project, context, async (pipeline) => {
      const { items } = await pipeline.dataset()
      const drawn = drawQuestions(
        items.map(({ id }) => id),
        count,
        pipeline.config.seed,
      )
      const session = await openLabelSession(path.resolve(args.out), await inOrder(pipeline, items, drawn, context))
      const images = new Map(items.map((item) => [item.id, requestOf(item)]))
      const server = await serveLabels({ session, images, limits: pipeline.config.images, host: args.host, port })
      output.finish()
      output.print(`Answer at ${server.url} (Ctrl-C ends; every answer is in ${args.out} at once)`)
      if (!operation.signal.aborted) await once(operation.signal, 'abort')
      await server.close()
    })
  },
})

/** Most told first where the config has an ensemble whose members can disagree; else as drawn. */
async function inOrder(
  pipeline: Pipeline,
  items: readonly DatasetItem[],
  questions: readonly LabelQuestion[],
  { operation }: CommandContext,
): Promise<readonly LabelQuestion[]> {
  const { combiner } = pipeline.config
  const folder = combiner?.use === 'context-ensemble' ? combiner.options.folder : undefined
  if (typeof folder !== 'string') return questions
  const { members } = await readEnsemble(pipeline.path(folder))
  const { embeddings } = await pipeline.embed(items.map(requestOf), 'gallery', {
    ...operation,
    onCorrupt: 'fail',
  })
  const rowOf = new Map(items.map(({ id }, row) => [id, row]))
  const triples = questions.map(({ reference, a, b }) => ({
    reference: rowOf.get(reference)!,
    a: rowOf.get(a)!,
    b: rowOf.get(b)!,
    target: 0,
  }))
  let offset = 0
  const gaps = members.map((member) => {
    const dim = memberDim(member)
    const own = new Float32Array(embeddings.rows * dim)
    for (let row = 0; row < embeddings.rows; row++) {
      const from = row * embeddings.dim + offset
      own.set(embeddings.data.subarray(from, from + dim), row * dim)
    }
    offset += dim
    return memberGaps(own, dim, triples)
  })
  return orderByDisagreement(questions, gaps)
}

function requestOf({ source, box }: DatasetItem): ImageRequest {
  return { source, box }
}

function wholeNumber(name: string, given: string, least: number): number {
  const value = Number(given)
  if (Number.isInteger(value) && value >= least) return value
  throw new LookalikeError('cli/value', {
    problem: `${name} is ${given}`,
    expected: `a whole number of at least ${least}`,
  })
}

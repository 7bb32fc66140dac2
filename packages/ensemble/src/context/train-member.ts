import {
  createRandom,
  LookalikeError,
  type LossTriple,
  type OperationOptions,
  type RunPart,
  type UnboundLoss,
} from '@lookalike/core'
import { createOptimizer, memoryRun, type Parameter, runTrainingLoop, scheduleSchema } from '@lookalike/train'

export interface TrainMemberOptions extends OperationOptions {
  readonly epochs: number
  /** Triples a step. */
  readonly batchSize: number
  readonly learningRate: number
  /** Pulls the weights back to where they start: `weightDecay / 2 * |W - W_0|^2` (ours). */
  readonly weightDecay: number
  /** A loss on triples. */
  readonly loss: UnboundLoss
  readonly seed: number | string
  /** Where log and checkpoints go; a run that is resumed goes on from there. Default: nowhere. */
  readonly run?: RunPart | undefined
  /** Facts for the log's first line. */
  readonly about?: Readonly<Record<string, unknown>> | undefined
}

/** What a member trains: images by their rows to embeddings, and back. */
export interface MemberNetwork {
  readonly dim: number
  /** The trained weights; changed in place. */
  readonly parameters: readonly Parameter[]
  /**
   * Embeds images and hands the gradient of a loss on their embeddings, both `[rows.length, dim]`, back to the weights.
   */
  step(
    rows: readonly number[],
    gradientOf: (embeddings: Float32Array) => Promise<Float32Array>,
  ): Promise<ReadonlyMap<string, Float32Array>>
}

/** Steps between two checkpoints and between two lines of the log (ours). */
const [CHECKPOINT_EVERY, LOG_EVERY] = [50, 10]

/** Steps of a member's training. */
export const stepsOf = (triples: number, { epochs, batchSize }: Pick<TrainMemberOptions, 'epochs' | 'batchSize'>) =>
  epochs * Math.floor(triples / batchSize)

/**
 * Trains one context-sensitive model, whatever it is made of: a head, all weights of an encoder, or low-rank changes of some.
 * An image that a batch holds several times is embedded once. When the signal aborts, it writes a checkpoint and returns.
 *
 * @throws `ensemble/small-context` when the triples do not fill a batch; `ensemble/loss-input` for a loss on labels; `train/loss`
 */
export async function trainMember(
  network: MemberNetwork,
  triples: readonly LossTriple[],
  options: TrainMemberOptions,
): Promise<'finished' | 'aborted'> {
  const { epochs, batchSize, learningRate, weightDecay, signal, onProgress, onWarning } = options
  const { dim, parameters } = network
  if (triples.length < batchSize) throw smallContext(triples.length, batchSize)
  const random = createRandom(`${options.seed}/member`)
  const loss = await options.loss.bind({ dim, classes: 0, seed: random.fork('loss').integer(2 ** 31) })
  try {
    if (loss.input !== 'triples') throw wrongLoss(loss.name)
    const start = new Map(parameters.map(({ name, data }) => [name, data.slice()]))
    const ofLoss = loss.parameters.map(
      (parameter): Parameter => ({ ...parameter, name: `loss/${parameter.name}`, ofLoss: true }),
    )
    const { stopped } = await runTrainingLoop(
      {
        batches: () => Math.floor(triples.length / batchSize),
        async *load(epoch, first) {
          const order = random.fork(`epoch ${epoch}`).permutation(triples.length)
          for (let from = first * batchSize; from + batchSize <= order.length; from += batchSize)
            yield Array.from(order.subarray(from, from + batchSize), (at) => triples[at]!)
        },
        size: (batch) => batch.length,
        describe: (batch) => batch.map(({ reference, a, b }) => `triple of images ${reference}, ${a}, ${b}`),
        async step(batch, { step, totalSteps }) {
          const { rows, triples: local } = localRows(batch)
          let computed: Awaited<ReturnType<typeof loss.compute>>
          const gradients = new Map(
            await network.step(rows, async (embeddings) => {
              computed = await loss.compute({ embeddings, rows: rows.length, dim, triples: local, step, totalSteps })
              return computed.gradients.embeddings
            }),
          )
          if (weightDecay > 0)
            for (const { name, data } of parameters) pullBack(gradients.get(name)!, data, start.get(name)!, weightDecay)
          for (const [name, gradient] of Object.entries(computed!.gradients.parameters))
            gradients.set(`loss/${name}`, gradient)
          return { value: computed!.value, gradients, logs: computed!.logs }
        },
        state: () => loss.state?.() ?? {},
        restore: (state) => loss.restore?.(state),
      },
      {
        optimizer: createOptimizer([...parameters, ...ofLoss], { learningRate, weightDecay: 0 }),
        schedule: scheduleSchema.parse({ shape: 'constant', warmUp: 0 }),
        run: options.run ?? memoryRun(),
        epochs,
        checkpointEvery: CHECKPOINT_EVERY,
        logEvery: LOG_EVERY,
        validateEvery: 1,
        keep: 'last',
        unit: 'triple',
        about: { loss: loss.name, triples: triples.length, ...options.about },
        signal,
        onProgress,
        onWarning,
      },
    )
    return stopped === 'aborted' ? 'aborted' : 'finished'
  } finally {
    loss.dispose()
  }
}

/** Each image of a batch once, and the triples by positions among them. */
function localRows(batch: readonly LossTriple[]): { rows: number[]; triples: LossTriple[] } {
  const rows = [...new Set(batch.flatMap(({ reference, a, b }) => [reference, a, b]))]
  const local = new Map(rows.map((row, at) => [row, at]))
  const triples = batch.map((triple) => ({
    ...triple,
    reference: local.get(triple.reference)!,
    a: local.get(triple.a)!,
    b: local.get(triple.b)!,
  }))
  return { rows, triples }
}

function pullBack(gradient: Float32Array, weight: Float32Array, start: Float32Array, strength: number): void {
  for (let i = 0; i < gradient.length; i++) gradient[i]! += strength * (weight[i]! - start[i]!)
}

function smallContext(triples: number, batchSize: number): LookalikeError {
  return new LookalikeError(
    'ensemble/small-context',
    {
      problem: `A context has ${triples} training triples and a batch takes ${batchSize}`,
      expected: 'at least one batch of triples a context',
      fix: 'Gather more triples for it, make fewer and larger contexts, or lower batchSize.',
    },
    { fields: { triples, batchSize } },
  )
}

function wrongLoss(loss: string): LookalikeError {
  return new LookalikeError(
    'ensemble/loss-input',
    {
      problem: `The loss ${loss} is for labels`,
      expected: 'a loss on triples, such as triple-cosine or context',
      fix: 'Choose another loss; "lookalike plugins loss" lists them.',
    },
    { fields: { loss } },
  )
}

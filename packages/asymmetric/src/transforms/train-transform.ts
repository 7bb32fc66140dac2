import { createRandom, LookalikeError, type OperationOptions, type Random, unitRows } from '@lookalike/core'
import {
  createSession,
  differentiate,
  type Execution,
  type Feeds,
  float32,
  type GradientModel,
  int64,
  type Session,
  type Tensor,
  withInitializers,
} from '@lookalike/onnx'
import {
  createOptimizer,
  decays,
  type OptimizerOptions,
  type Parameter,
  type ScheduleOptions,
  scheduleAt,
  scheduleSchema,
} from '@lookalike/train'
import {
  addLosses,
  HEAD_WEIGHT,
  LABEL_INPUT,
  LOSS_OUTPUT,
  type LossWeights,
  SHARE_INPUT,
  SIMILARITY_OUTPUT,
  TARGET_INPUT,
} from './add-losses.js'
import { pickPairs } from './pick-pairs.js'
import { type PairedEmbeddings, TRANSFORM_INPUT, type Transform } from './transform.js'

export interface TrainTransformOptions extends OperationOptions, Execution {
  readonly losses: LossWeights
  /** Passes over the pairs at most. */
  readonly epochs: number
  readonly batchSize: number
  /** Share of the rows that is held out to stop by, in [0, 1). */
  readonly heldOut: number
  /** Epochs without a lower held-out loss after which training stops. */
  readonly patience: number
  readonly optimizer?: OptimizerOptions | undefined
  readonly schedule?: ScheduleOptions | undefined
  readonly seed: number
  readonly onEpoch?: ((entry: EpochFacts) => Promise<void>) | undefined
}

/** Figures of an epoch, for a log. */
export interface EpochFacts {
  /** Counts from 1. */
  readonly epoch: number
  /** On the held-out rows, where there are some, else on all. */
  readonly loss: number
  /** Mean cosine, on the same rows. */
  readonly similarity: number
}

export interface TrainedTransform {
  readonly transform: Transform
  /** Epochs that were run. */
  readonly epochs: number
  /** Mean cosine of transformed and query embedding, on the held-out rows where there are some, else on all. */
  readonly similarity: number
  readonly stopped: 'finished' | 'early'
  /** Of least squares: the ridge, also where it was chosen. */
  readonly ridge?: number | undefined
}

/**
 * Trains a transform on pairs of embeddings with a gradient graph in onnxruntime. Without labels, or with a weight of 0 for both of
 * its terms, there is no shared head. The best epoch by held-out loss is kept, the start included.
 *
 * @param makeStart the transform to start from; it sees none of the held-out pairs
 * @throws `asymmetric/no-loss` when no term is left to train with; `train/not-finite`; the signal's reason.
 */
export async function trainTransform(
  makeStart: (training: PairedEmbeddings) => Transform | Promise<Transform>,
  pairs: PairedEmbeddings,
  options: TrainTransformOptions,
): Promise<TrainedTransform> {
  const { losses, epochs, batchSize, patience, seed, signal } = options
  const random = createRandom(seed)
  const proxies = startOfHead(pairs, losses, random.fork('head'))
  if (losses.similarity === 0 && !proxies) throw noLoss()
  const order = random.fork('held-out').permutation(pairs.rows)
  const held = Math.min(pairs.rows - 1, Math.round(pairs.rows * options.heldOut))
  const validation = order.subarray(0, held === 0 ? pairs.rows : held)
  const training = order.subarray(held)
  const rows = Math.min(batchSize, training.length)
  const feed = createFeeder(pairs, rows, proxies !== undefined)

  const start = await makeStart(held === 0 ? pairs : pickPairs(pairs, training))
  const network = addLosses(start, losses, proxies)
  const trainable = [...start.model.graph.initializers.keys()].filter((name) => /\.(weight|bias|slope)$/.test(name))
  const gradient = await differentiate(network, {
    outputs: [LOSS_OUTPUT, SIMILARITY_OUTPUT],
    trainable: proxies ? [...trainable, HEAD_WEIGHT] : trainable,
    example: feed(training.subarray(0, rows)),
  })
  const weights = copyOf(gradient.weights)
  const parameters = Array.from(
    weights,
    ([name, { shape, data }]): Parameter => ({ name, shape, data, decay: name !== HEAD_WEIGHT && decays(name, shape) }),
  )
  const optimizer = createOptimizer(parameters, options.optimizer)
  const schedule = scheduleSchema.parse(options.schedule)
  const execution: Execution = { threads: options.threads, providers: options.providers }
  const step = await createSession(gradient.model, execution)
  const forward = await createSession(gradient.forward, execution)
  try {
    const stepsPerEpoch = Math.ceil(training.length / rows)
    const totalSteps = epochs * stepsPerEpoch
    let best = { ...(await measure(forward, weights, validation, rows, feed)), weights: copyOf(weights) }
    let since = 0
    let epoch = 0
    for (; epoch < epochs && since < patience; epoch++) {
      const shuffled = random.fork(`epoch ${epoch}`).permutation(training.length)
      for (let i = 0; i < stepsPerEpoch; i++) {
        signal?.throwIfAborted()
        const batch = Int32Array.from(shuffled.subarray(i * rows, (i + 1) * rows), (at) => training[at]!)
        const gradients = await gradientsOf(step, gradient, weights, feed(batch))
        optimizer.step(gradients, scheduleAt(schedule, epoch * stepsPerEpoch + i, totalSteps, stepsPerEpoch))
      }
      const now = await measure(forward, weights, validation, rows, feed)
      since = now.loss < best.loss ? 0 : since + 1
      if (since === 0) best = { ...now, weights: copyOf(weights) }
      await options.onEpoch?.({ epoch: epoch + 1, loss: now.loss, similarity: now.similarity })
      const note = `cosine ${now.similarity.toFixed(4)}`
      options.onProgress?.({ phase: 'transform', done: epoch + 1, total: epochs, unit: 'epoch', note })
    }
    const kept = [...best.weights].filter(([name]) => name !== HEAD_WEIGHT)
    return {
      transform: { ...start, model: withInitializers(start.model, kept) },
      epochs: epoch,
      similarity: best.similarity,
      stopped: epoch < epochs ? 'early' : 'finished',
    }
  } finally {
    await step.dispose()
    await forward.dispose()
  }
}

const noLoss = () =>
  new LookalikeError('asymmetric/no-loss', {
    problem: 'The similarity term is off, and the other two terms have no labels to work with or are off too',
    expected: 'at least one term with a weight above 0',
    fix: 'Give the images labels, or set the weight of "similarity" above 0.',
  })

type Weights = Map<string, Tensor>
type Feeder = (rows: Int32Array) => Feeds

const copyOf = (weights: ReadonlyMap<string, Tensor>) =>
  new Map(Array.from(weights, ([name, { data, shape }]) => [name, float32((data as Float32Array).slice(), shape)]))

/** Fills batches of one size; rows that are missing count nothing. */
function createFeeder(
  { from, inputDim, to, outputDim, labels }: PairedEmbeddings,
  size: number,
  withLabels: boolean,
): Feeder {
  const target = unitRows(to, outputDim)
  return (rows) => {
    const x = new Float32Array(size * inputDim)
    const y = new Float32Array(size * outputDim)
    const share = new Float32Array(size)
    const label = new BigInt64Array(size)
    for (let i = 0; i < size; i++) {
      const row = rows[i] ?? rows[0]!
      x.set(from.subarray(row * inputDim, (row + 1) * inputDim), i * inputDim)
      y.set(target.subarray(row * outputDim, (row + 1) * outputDim), i * outputDim)
      if (i < rows.length) share[i] = 1 / rows.length
      if (labels) label[i] = BigInt(labels[row]!)
    }
    return {
      [TRANSFORM_INPUT]: float32(x, [size, inputDim]),
      [TARGET_INPUT]: float32(y, [size, outputDim]),
      [SHARE_INPUT]: float32(share, [size, 1]),
      ...(withLabels && { [LABEL_INPUT]: int64(label, [size]) }),
    }
  }
}

/** The head starts at the class means of the query model, which is where a classifier on unit vectors ends up anyway. */
function startOfHead(
  { to, outputDim, labels, classes }: PairedEmbeddings,
  { divergence, classification }: LossWeights,
  random: Random,
): Float32Array | undefined {
  if (!labels || !classes || (divergence === 0 && classification === 0)) return undefined
  const unit = unitRows(to, outputDim)
  const proxies = Float32Array.from({ length: classes * outputDim }, () => random.normal() * 1e-3)
  for (let row = 0; row < labels.length; row++) {
    for (let i = 0; i < outputDim; i++) proxies[labels[row]! * outputDim + i]! += unit[row * outputDim + i]!
  }
  return unitRows(proxies, outputDim)
}

async function gradientsOf(
  session: Session,
  gradient: GradientModel,
  weights: Weights,
  feeds: Feeds,
): Promise<Map<string, Float32Array>> {
  const names = Object.entries(gradient.weightGradients)
  const results = await session.run(
    {
      ...feeds,
      ...Object.fromEntries(weights),
      [gradient.outputGradients[LOSS_OUTPUT]!]: float32([1], []),
      [gradient.outputGradients[SIMILARITY_OUTPUT]!]: float32([0], []),
    },
    { outputs: names.map(([, output]) => output) },
  )
  return new Map(names.map(([name, output]) => [name, results[output]!.data as Float32Array]))
}

async function measure(
  session: Session,
  weights: Weights,
  rows: Int32Array,
  size: number,
  feed: Feeder,
): Promise<{ loss: number; similarity: number }> {
  let loss = 0
  let similarity = 0
  for (let start = 0; start < rows.length; start += size) {
    const part = rows.subarray(start, start + size)
    const results = await session.run(
      { ...feed(part), ...Object.fromEntries(weights) },
      { outputs: [LOSS_OUTPUT, SIMILARITY_OUTPUT] },
    )
    loss += ((results[LOSS_OUTPUT]!.data as Float32Array)[0]! * part.length) / rows.length
    similarity += ((results[SIMILARITY_OUTPUT]!.data as Float32Array)[0]! * part.length) / rows.length
  }
  return { loss, similarity }
}

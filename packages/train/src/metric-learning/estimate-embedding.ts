import {
  createRandom,
  type EstimateRequest,
  type Sampler,
  type TrainingEstimate,
  type UnboundLoss,
} from '@lookalike/core'
import type { Feeds } from '@lookalike/onnx'
import type { TrainingData } from '../data/select-training-data.js'
import type { TrainableModel } from '../model/create-trainable-model.js'
import { createOptimizer } from '../optimizer/create-optimizer.js'
import type { Parameter } from '../optimizer/parameter.js'
import type { CommonSettings } from './common-options.js'

export interface EmbeddingEstimation {
  readonly request: EstimateRequest
  readonly settings: CommonSettings
  readonly data: TrainingData
  readonly sampler: Sampler
  readonly loss: UnboundLoss
  readonly model: TrainableModel
  readonly output: string
  readonly dim: number
  /** Threads that load images beside the training. */
  readonly workers: number
  /** Of an image that is loaded ahead. */
  readonly bytesAhead: number
  /** Of the images that stay in memory. */
  readonly bytesKept: number
  /** The network's input for the first images of a batch. */
  load(batch: Int32Array): Promise<{ readonly feeds: Feeds; readonly rows: number }>
}

/** Loads, computes and updates on a part of one batch, the second time with a clock beside it. */
export async function estimateEmbedding(given: EmbeddingEstimation): Promise<TrainingEstimate> {
  const { request, settings, data, model, output, dim, workers } = given
  const random = createRandom(request.seed)
  const batches = given.sampler.epoch({ labels: data.labels, categories: data.categories }, random.fork('sampler/0'))
  const batch = batches[0]!
  const steps = settings.steps ?? batches.length * settings.epochs
  const loss = await given.loss.bind({ dim, classes: data.classes.length, seed: request.seed })
  try {
    const clock = createClock()
    const { feeds, rows } = await given.load(batch)
    const loading = clock() / rows
    const noise = Float32Array.from({ length: batch.length * dim }, () => random.normal() / Math.sqrt(dim))
    const lossOf = async () => {
      const labels = batch.map((item) => data.labels[item]!)
      return loss.compute({ embeddings: noise, rows: batch.length, dim, labels, step: 0, totalSteps: steps })
    }
    const upward = async (outputs: Readonly<Record<string, { readonly data: Float32Array }>>) => ({
      gradients: { [output]: outputs[output]!.data.map(() => 1e-3) },
      result: undefined,
    })
    await model.step(feeds, upward)
    await lossOf()
    request.signal?.throwIfAborted()
    clock()
    const { gradients, times } = await model.step(feeds, upward)
    const network = clock() / rows
    const computed = await lossOf()
    const judging = clock()
    const own = loss.parameters.map((parameter): Parameter => ({ ...parameter, name: `loss/${parameter.name}` }))
    const optimizer = createOptimizer([...model.parameters, ...own], settings.optimizer)
    const all = new Map(gradients)
    for (const [name, gradient] of Object.entries(computed.gradients.parameters)) all.set(`loss/${name}`, gradient)
    optimizer.step(all, 1e-6)
    clock()
    optimizer.step(all, 1e-6)
    const update = clock()
    const computing = network * batch.length + judging + update
    const waiting = loading * batch.length
    const validations = data.validation.length === 0 ? 0 : 1 + Math.ceil(settings.epochs / settings.validateEvery)
    return {
      parts: [
        {
          name: 'training',
          count: steps,
          unit: 'step',
          // Images that stay in memory are decoded once; what is loaded beside the training costs only where it is slower.
          secondsEach: workers > 0 ? Math.max(computing, waiting / workers) : computing + waiting,
        },
        {
          name: 'validation',
          count: validations * data.validation.length,
          unit: 'image',
          secondsEach: times.forward / 1000 / rows + loading,
        },
      ].filter(({ count }) => count > 0),
      bytes:
        process.memoryUsage.rss() +
        given.bytesKept +
        (batch.length * (2 + workers) - rows) * given.bytesAhead +
        weightCopies(settings) * 4 * model.parameters.reduce((sum, { data: values }) => sum + values.length, 0),
    }
  } finally {
    loss.dispose()
  }
}

/** Of the weights, besides those that the step made: the best so far, and the moving average. */
const weightCopies = ({ averageDecay }: CommonSettings) => (averageDecay === undefined ? 1 : 2)

/** Seconds since the last call. */
function createClock(): () => number {
  let last = performance.now()
  return () => {
    const now = performance.now()
    const passed = (now - last) / 1000
    last = now
    return passed
  }
}

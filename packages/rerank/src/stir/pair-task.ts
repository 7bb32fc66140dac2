import { createRandom, type DatasetItem, type Random } from '@lookalike/core'
import { type Feeds, float32, type TensorOf } from '@lookalike/onnx'
import type { TrainableModel, TrainingTask } from '@lookalike/train'
import { NAMES } from '../pair/pair-spec.js'
import { binaryCrossEntropy } from './binary-cross-entropy.js'
import type { Pairs } from './mine-pairs.js'
import type { PairBatch, PairBatches, PlannedBatch } from './pair-batches.js'
import { MASK } from './trained-part.js'
import type { StirTrainingSettings } from './training-options.js'

export interface PairTaskParts {
  readonly model: TrainableModel
  /** What is trained. */
  readonly names: readonly string[]
  readonly batches: PairBatches
  planOf(epoch: number): readonly PlannedBatch[]
  readonly items: readonly DatasetItem[]
  readonly settings: StirTrainingSettings
  readonly seed: string
  readonly firstEpoch: number
}

/** The pairs of each batch through the network, chunk by chunk; the loss of a pair does not depend on the others. */
export function pairTask({
  model,
  names,
  batches,
  planOf,
  items,
  settings,
  seed,
  firstEpoch,
}: PairTaskParts): TrainingTask<PairBatch & { readonly pairs: Pairs }> {
  const trained = new Set(names)
  const sums = new Map(
    model.parameters
      .filter(({ name }) => trained.has(name))
      .map(({ name, data }) => [name, new Float32Array(data.length)]),
  )
  return {
    batches: (epoch) => planOf(epoch).length,
    async *load(epoch, start) {
      const plan = planOf(epoch)
      const positions = plan.map((batch) => batch.positions)
      let next = start
      for await (const batch of batches.load(epoch + firstEpoch, positions, start))
        yield { ...batch, pairs: plan[next++]!.pairs(batch.positions) }
    },
    size: ({ pairs }) => pairs.query.length,
    describe: ({ positions }) => Array.from(positions, (position) => items[position]!.id),
    async step(batch, { step }) {
      const began = performance.now()
      const count = batch.pairs.query.length
      const random = createRandom(`${seed}/dropout/${step}`)
      for (const sum of sums.values()) sum.fill(0)
      let value = 0
      let accuracy = 0
      for (let start = 0; start < count; start += settings.chunk) {
        const size = Math.min(count - start, settings.chunk)
        const feeds = chunkFeeds(batch, start, size, model, settings, random)
        const share = size / count
        const { result, gradients } = await model.step(feeds, pairLoss(batch.pairs, start, size, share), {
          only: names,
        })
        value += result.value * share
        accuracy += result.accuracy * share
        for (const [name, sum] of sums) {
          const gradient = gradients.get(name)!
          for (let i = 0; i < sum.length; i++) sum[i]! += gradient[i]!
        }
      }
      return { value, gradients: sums, logs: { accuracy, pairs: count }, times: { step: performance.now() - began } }
    },
  }
}

/** The network's inputs for some pairs. The last chunk repeats its first pair: one graph serves all, and what is repeated gets no gradient. */
function chunkFeeds(
  { feeds, pairs }: PairBatch & { readonly pairs: Pairs },
  start: number,
  size: number,
  model: TrainableModel,
  { chunk, dropout }: StirTrainingSettings,
  random: Random,
): Feeds {
  const padded = (from: Int32Array) => Int32Array.from({ length: chunk }, (_, i) => from[i < size ? start + i : start]!)
  const inputs = feeds(padded(pairs.query), padded(pairs.candidate))
  if (dropout === 0) return inputs
  const units = model.parameters.find(({ name }) => name === 'pair.head.fc1.bias')!.data.length
  return { ...inputs, [MASK]: dropoutMask(chunk, units, dropout, random) }
}

/** The loss of some pairs and its gradient, as their `share` of the batch. */
function pairLoss({ different }: Pairs, start: number, size: number, share: number) {
  return async (outputs: Readonly<Record<string, TensorOf<'float32'>>>) => {
    const logits = outputs[NAMES.logit]!.data
    const loss = binaryCrossEntropy(logits.subarray(0, size), different.subarray(start, start + size))
    const gradient = new Float32Array(logits.length)
    loss.gradient.forEach((one, i) => (gradient[i] = one * share))
    return { gradients: { [NAMES.logit]: gradient }, result: loss }
  }
}

/** 0 for units that are left out, 1 / (1 - share) for the others, so that the sum stays what it is in the mean. */
function dropoutMask(rows: number, units: number, share: number, random: Random) {
  return float32(
    Float32Array.from({ length: rows * units }, () => (random.next() < share ? 0 : 1 / (1 - share))),
    [rows, units],
  )
}

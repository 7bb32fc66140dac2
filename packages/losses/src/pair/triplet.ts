import { definePlugin } from '@lookalike/core'
import type { Scalar, Tensor2D } from '@tensorflow/tfjs-core'
import { z } from 'zod'
import type { Tensorflow } from '../backend/load-tensorflow.js'
import { createPairLoss, type PairValue, type UnboundPairLoss } from './create-pair-loss.js'
import { type Mining, mineTriplets } from './mine-triplets.js'
import type { Pairs } from './pairs.js'

/*
 * Triplet loss: Schroff, Kalenichenko, Philbin (FaceNet), CVPR 2015, arXiv 1503.03832; batch-hard mining and the soft margin:
 * Hermans, Beyer, Leibe, 2017, arXiv 1703.07737.
 */

const tripletOptions = z.strictObject({
  mining: z
    .enum(['hard', 'all', 'semi-hard', 'n-hard'])
    .default('hard')
    .describe(
      'Which triplets of the batch count: the hardest of each anchor, all, the semi-hard ones, or n x n hard ones.',
    ),
  n: z.number().int().positive().default(3).describe('For n-hard: positives and negatives an anchor. Ours.'),
  margin: z
    .number()
    .min(0)
    .nullable()
    .default(0.15)
    .describe('Distance by which negatives must be farther, >= 0; null = soft margin, log(1 + exp).'),
  squared: z.boolean().default(false).describe('Compare squared Euclidean distances.'),
  normalise: z
    .boolean()
    .default(false)
    .describe('Divide the embeddings by their norms first; for encoders that do not.'),
})

export type TripletOptions = z.input<typeof tripletOptions>

interface TripletSymbols {
  readonly mining: Mining
  readonly n: number
  readonly margin: number | null
}

/** Mean over the mined triplets of `max(0, d_ap - d_an + margin)`, or of `log(1 + exp(d_ap - d_an))`. */
function tripletValue(
  tf: Tensorflow,
  d: Tensor2D,
  pairs: Pairs,
  { mining, n, margin }: TripletSymbols,
): PairValue | undefined {
  const { positives, negatives } = mineTriplets(pairs, mining, { n, margin })
  if (positives.length === 0) return undefined
  const flat = tf.reshape(d, [-1])
  const gaps = tf.sub(
    tf.gather(flat, tf.tensor1d(positives, 'int32')),
    tf.gather(flat, tf.tensor1d(negatives, 'int32')),
  )
  const costs = margin === null ? tf.softplus(gaps) : tf.relu(tf.add(gaps, margin))
  let active = 0
  for (let t = 0; t < positives.length; t++) {
    if (pairs.values[positives[t]!]! - pairs.values[negatives[t]!]! + (margin ?? 0) > 0) active++
  }
  return {
    value: tf.mean(costs) as Scalar,
    logs: { 'triplet/triplets': positives.length, 'triplet/active': active / positives.length },
  }
}

/** Triplet loss on Euclidean distances. */
export function triplet(options: TripletOptions = {}): UnboundPairLoss {
  const { squared, normalise, ...symbols } = tripletOptions.parse(options)
  return createPairLoss({
    name: 'triplet',
    measure: squared ? 'squared' : 'euclidean',
    normalise,
    value: (tf, d, pairs) => tripletValue(tf, d, pairs, symbols),
  })
}

export const tripletPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'loss',
  name: 'triplet',
  description: 'Triplet loss with mining inside the batch: positives nearer than negatives, by a margin.',
  options: tripletOptions,
  create: (options) => triplet(options),
})

declare module '@lookalike/core' {
  interface LossPlugins {
    triplet: TripletOptions
  }
}

import { definePlugin } from '@lookalike/core'
import type { Scalar, Tensor2D } from '@tensorflow/tfjs-core'
import { z } from 'zod'
import type { Tensorflow } from '../backend/load-tensorflow.js'
import { createPairLoss, type PairValue, type UnboundPairLoss } from './create-pair-loss.js'
import { maskedLogSumExp } from './masked.js'
import type { Pairs } from './pairs.js'

/*
 * Multi-similarity: Wang, Han, Huang, Dong, Scott, "Multi-Similarity Loss with General Pair Weighting for Deep Metric Learning",
 * CVPR 2019, arXiv 1904.06627.
 */

const multiSimilarityOptions = z.strictObject({
  alpha: z.number().positive().default(2).describe('Scale for positives, > 0.'),
  beta: z.number().positive().default(50).describe('Scale for negatives, > 0.'),
  lambda: z.number().min(-1).max(1).default(0.5).describe('Cosine around which pairs are weighted, -1 to 1.'),
  epsilon: z
    .number()
    .min(0)
    .nullable()
    .default(0.1)
    .describe(
      'Margin of the mining: a pair counts if it is within epsilon of the hardest pair of the other kind. null = all pairs.',
    ),
})

export type MultiSimilarityOptions = z.input<typeof multiSimilarityOptions>

/** The paper's mining: negatives above the lowest positive - epsilon, positives below the highest negative + epsilon. */
function minePairs(pairs: Pairs, epsilon: number): Pick<Pairs, 'positives' | 'negatives'> {
  const { rows, columns, values } = pairs
  const positives = pairs.positives.slice()
  const negatives = pairs.negatives.slice()
  for (let row = 0; row < rows; row++) {
    let lowest = Infinity
    let highest = -Infinity
    const start = row * columns
    for (let i = start; i < start + columns; i++) {
      if (pairs.positives[i]) lowest = Math.min(lowest, values[i]!)
      if (pairs.negatives[i]) highest = Math.max(highest, values[i]!)
    }
    for (let i = start; i < start + columns; i++) {
      if (values[i]! >= highest + epsilon) positives[i] = 0
      if (values[i]! <= lowest - epsilon) negatives[i] = 0
    }
  }
  return { positives, negatives }
}

/** `mean_i 1/alpha log(1 + sum_P exp(-alpha (s - lambda))) + 1/beta log(1 + sum_N exp(beta (s - lambda)))`. */
function multiSimilarityValue(
  tf: Tensorflow,
  s: Tensor2D,
  pairs: Pairs,
  { alpha, beta, lambda }: { readonly alpha: number; readonly beta: number; readonly lambda: number },
): PairValue {
  const mask = (data: Float32Array) => tf.tensor2d(data, [pairs.rows, pairs.columns])
  const shifted = tf.sub(s, lambda)
  const positive = maskedLogSumExp(tf, tf.mul(shifted, -alpha), mask(pairs.positives), true)
  const negative = maskedLogSumExp(tf, tf.mul(shifted, beta), mask(pairs.negatives), true)
  return { value: tf.mean(tf.add(tf.div(positive, alpha), tf.div(negative, beta))) as Scalar }
}

/** Multi-similarity on cosines. */
export function multiSimilarity(options: MultiSimilarityOptions = {}): UnboundPairLoss {
  const { epsilon, ...symbols } = multiSimilarityOptions.parse(options)
  return createPairLoss({
    name: 'multi-similarity',
    measure: 'cosine',
    value: (tf, s, pairs) =>
      multiSimilarityValue(tf, s, epsilon === null ? pairs : { ...pairs, ...minePairs(pairs, epsilon) }, symbols),
  })
}

export const multiSimilarityPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'loss',
  name: 'multi-similarity',
  description: 'Multi-similarity: pairs weighted by how hard they are, alone and among their rivals.',
  options: multiSimilarityOptions,
  create: (options) => multiSimilarity(options),
})

declare module '@lookalike/core' {
  interface LossPlugins {
    'multi-similarity': MultiSimilarityOptions
  }
}

import { definePlugin } from '@lookalike/core'
import type { Scalar, Tensor2D } from '@tensorflow/tfjs-core'
import { z } from 'zod'
import type { Tensorflow } from '../backend/load-tensorflow.js'
import { createPairLoss, type PairValue, type UnboundPairLoss } from './create-pair-loss.js'
import type { Pairs } from './pairs.js'

/*
 * Contrastive loss: Hadsell, Chopra, LeCun, "Dimensionality Reduction by Learning an Invariant Mapping", CVPR 2006; distances
 * not squared, as in pytorch-metric-learning.
 */

const contrastiveOptions = z.strictObject({
  positiveMargin: z.number().min(0).default(0).describe('Distance within which positives cost nothing, >= 0.'),
  negativeMargin: z.number().min(0).default(1).describe('Distance beyond which negatives cost nothing, >= 0.'),
  normalise: z.boolean().default(true).describe('Divide the embeddings by their norms first.'),
})

export type ContrastiveOptions = z.input<typeof contrastiveOptions>

/** `mean max(0, d_p - positiveMargin) + mean max(0, negativeMargin - d_n)`, each mean over the pairs that cost something. */
function contrastiveValue(
  tf: Tensorflow,
  d: Tensor2D,
  pairs: Pairs,
  margins: { readonly positiveMargin: number; readonly negativeMargin: number },
): PairValue | undefined {
  const { rows, columns, positives, negatives, values } = pairs
  const costlyPositives = positives.map((mask, i) => (mask > 0 && values[i]! > margins.positiveMargin ? 1 : 0))
  const costlyNegatives = negatives.map((mask, i) => (mask > 0 && values[i]! < margins.negativeMargin ? 1 : 0))
  const term = (cost: Tensor2D, mask: Float32Array) => {
    const count = mask.reduce((sum, m) => sum + m, 0)
    return tf.div(tf.sum(tf.mul(cost, tf.tensor2d(mask, [rows, columns]))), Math.max(count, 1))
  }
  const value = tf.add(
    term(tf.sub(d, margins.positiveMargin), costlyPositives),
    term(tf.sub(margins.negativeMargin, d), costlyNegatives),
  )
  return { value: value as Scalar }
}

/** Contrastive loss on Euclidean distances. */
export function contrastive(options: ContrastiveOptions = {}): UnboundPairLoss {
  const { normalise, ...margins } = contrastiveOptions.parse(options)
  return createPairLoss({
    name: 'contrastive',
    measure: 'euclidean',
    normalise,
    value: (tf, d, pairs) => contrastiveValue(tf, d, pairs, margins),
  })
}

export const contrastivePlugin = definePlugin({
  specVersion: 'v1',
  kind: 'loss',
  name: 'contrastive',
  description: 'Contrastive loss: positives together, negatives at least a margin apart.',
  options: contrastiveOptions,
  create: (options) => contrastive(options),
})

declare module '@lookalike/core' {
  interface LossPlugins {
    contrastive: ContrastiveOptions
  }
}

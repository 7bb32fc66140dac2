import { checkOptions, definePlugin } from '@lookalike/core'
import * as z from 'zod'
import { createPairLoss, type PairValue, type UnboundPairLoss } from './create-pair-loss.js'
import { anchorPlaces, type Pairs } from './pairs.js'

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
function contrastiveKernel(
  pairs: Pairs,
  { positiveMargin, negativeMargin }: { readonly positiveMargin: number; readonly negativeMargin: number },
): PairValue {
  const { values, rows } = pairs
  const gradient = new Float32Array(values.length)
  const positive = { sum: 0, count: 0 }
  const negative = { sum: 0, count: 0 }
  const placesOf = anchorPlaces(pairs)
  for (let row = 0; row < rows; row++) {
    const { positives, negatives } = placesOf(row)
    for (const at of positives) {
      const cost = values[at]! - positiveMargin
      if (!(cost > 0)) continue
      positive.sum += cost
      positive.count++
      gradient[at] = 1
    }
    for (const at of negatives) {
      const cost = negativeMargin - values[at]!
      if (!(cost > 0)) continue
      negative.sum += cost
      negative.count++
      gradient[at] = -1
    }
  }
  const [p, n] = [Math.max(positive.count, 1), Math.max(negative.count, 1)]
  for (let i = 0; i < gradient.length; i++) gradient[i]! /= gradient[i]! > 0 ? p : n
  return { value: positive.sum / p + negative.sum / n, gradient }
}

/** Contrastive loss on Euclidean distances. */
export function contrastive(options: ContrastiveOptions = {}): UnboundPairLoss {
  const { normalise, ...margins } = checkOptions('contrastive', contrastiveOptions, options)
  return createPairLoss({
    name: 'contrastive',
    measure: 'euclidean',
    normalise,
    kernel: (pairs) => contrastiveKernel(pairs, margins),
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

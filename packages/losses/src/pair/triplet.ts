import { checkOptions, definePlugin, logistic, softplus } from '@lookalike/core'
import * as z from 'zod'
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
function tripletKernel(pairs: Pairs, { mining, n, margin }: TripletSymbols): PairValue | undefined {
  const { values } = pairs
  const slopes = new Float64Array(values.length)
  let sum = 0
  let count = 0
  let active = 0
  mineTriplets(pairs, mining, { n, margin }, (positive, negative) => {
    count++
    const gap = values[positive]! - values[negative]! + (margin ?? 0)
    if (gap > 0) active++
    if (margin !== null && !(gap > 0)) return
    sum += margin === null ? softplus(gap) : gap
    const slope = margin === null ? logistic(gap) : 1
    slopes[positive]! += slope
    slopes[negative]! -= slope
  })
  if (count === 0) return undefined
  const gradient = new Float32Array(slopes.length)
  for (let i = 0; i < slopes.length; i++) gradient[i] = slopes[i]! / count
  return {
    value: sum / count,
    gradient,
    logs: { 'triplet/triplets': count, 'triplet/active': active / count },
  }
}

/** Triplet loss on Euclidean distances. */
export function triplet(options: TripletOptions = {}): UnboundPairLoss {
  const { squared, normalise, ...symbols } = checkOptions('triplet', tripletOptions, options)
  return createPairLoss({
    name: 'triplet',
    measure: squared ? 'squared' : 'euclidean',
    normalise,
    kernel: (pairs) => tripletKernel(pairs, symbols),
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

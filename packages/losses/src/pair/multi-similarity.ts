import { checkOptions, definePlugin } from '@lookalike/core'
import * as z from 'zod'
import { createPairLoss, type PairValue, type UnboundPairLoss } from './create-pair-loss.js'
import { type AnchorPlaces, anchorPlaces, type Pairs, softmax } from './pairs.js'

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

/** `mean_i 1/alpha log(1 + sum_P exp(-alpha (s - lambda))) + 1/beta log(1 + sum_N exp(beta (s - lambda)))`. */
function multiSimilarityKernel(
  pairs: Pairs,
  { alpha, beta, lambda }: { readonly alpha: number; readonly beta: number; readonly lambda: number },
  epsilon: number | null,
): PairValue {
  const { values, rows, columns } = pairs
  const gradient = new Float32Array(values.length)
  const z = new Float64Array(columns)
  const term = (places: Int32Array, scale: number): number => {
    for (let i = 0; i < places.length; i++) z[i] = scale * (values[places[i]!]! - lambda)
    const cost = softmax(z, places.length, true) / Math.abs(scale)
    for (let i = 0; i < places.length; i++) gradient[places[i]!] = (Math.sign(scale) * z[i]!) / rows
    return cost
  }
  let sum = 0
  const placesOf = anchorPlaces(pairs)
  for (let row = 0; row < rows; row++) {
    const places = placesOf(row)
    const { positives, negatives } = epsilon === null ? places : mineHard(values, places, epsilon)
    sum += term(positives, -alpha) + term(negatives, beta)
  }
  return { value: sum / rows, gradient }
}

/** The paper's mining: negatives above the lowest positive - epsilon, positives below the highest negative + epsilon. */
function mineHard(values: Float32Array, { positives, negatives }: AnchorPlaces, epsilon: number): AnchorPlaces {
  let lowest = Infinity
  let highest = -Infinity
  for (const at of positives) lowest = Math.min(lowest, values[at]!)
  for (const at of negatives) highest = Math.max(highest, values[at]!)
  return {
    positives: positives.filter((at) => values[at]! < highest + epsilon),
    negatives: negatives.filter((at) => values[at]! > lowest - epsilon),
  }
}

/** Multi-similarity on cosines. */
export function multiSimilarity(options: MultiSimilarityOptions = {}): UnboundPairLoss {
  const { epsilon, ...symbols } = checkOptions('multi-similarity', multiSimilarityOptions, options)
  return createPairLoss({
    name: 'multi-similarity',
    measure: 'cosine',
    kernel: (pairs) => multiSimilarityKernel(pairs, symbols, epsilon),
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

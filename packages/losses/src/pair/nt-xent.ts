import { checkOptions, definePlugin, logistic, softplus } from '@lookalike/core'
import * as z from 'zod'
import { createPairLoss, type PairValue, type UnboundPairLoss } from './create-pair-loss.js'
import { anchorPlaces, type Pairs, softmax } from './pairs.js'

/*
 * NT-Xent / InfoNCE: van den Oord, Li, Vinyals, 2018, arXiv 1807.03748; Chen, Kornblith, Norouzi, Hinton (SimCLR), ICML 2020,
 * arXiv 2002.05709. With labels: each positive pair against all negatives of its anchor.
 */

const ntXentOptions = z.strictObject({
  tau: z.number().positive().default(0.07).describe('Temperature of the cosines, > 0.'),
})

export type NtXentOptions = z.input<typeof ntXentOptions>

/** `mean over positive pairs of -log(exp(s_ap / tau) / (exp(s_ap / tau) + sum_n exp(s_an / tau)))`. */
function ntXentKernel(pairs: Pairs, { tau }: { readonly tau: number }): PairValue | undefined {
  const { values, rows, columns } = pairs
  const gradient = new Float32Array(values.length)
  const z = new Float64Array(columns)
  let sum = 0
  let count = 0
  const placesOf = anchorPlaces(pairs)
  for (let row = 0; row < rows; row++) {
    const { positives, negatives } = placesOf(row)
    if (positives.length === 0) continue
    for (let i = 0; i < negatives.length; i++) z[i] = values[negatives[i]!]! / tau
    const rivals = softmax(z, negatives.length)
    let pull = 0
    for (const at of positives) {
      const gap = rivals - values[at]! / tau
      sum += softplus(gap)
      const slope = logistic(gap)
      gradient[at] = -slope
      pull += slope
    }
    for (let i = 0; i < negatives.length; i++) gradient[negatives[i]!] = pull * z[i]!
    count += positives.length
  }
  if (count === 0) return undefined
  for (let i = 0; i < gradient.length; i++) gradient[i]! /= count * tau
  return { value: sum / count, gradient }
}

/** NT-Xent on cosines; without a second view it is InfoNCE over the labels of the batch. */
export function ntXent(options: NtXentOptions = {}): UnboundPairLoss {
  const symbols = checkOptions('nt-xent', ntXentOptions, options)
  return createPairLoss({
    name: 'nt-xent',
    measure: 'cosine',
    kernel: (pairs) => ntXentKernel(pairs, symbols),
  })
}

export const ntXentPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'loss',
  name: 'nt-xent',
  description: 'NT-Xent / InfoNCE: each positive pair must stand out from all negatives of its anchor.',
  options: ntXentOptions,
  create: (options) => ntXent(options),
})

declare module '@lookalike/core' {
  interface LossPlugins {
    'nt-xent': NtXentOptions
  }
}

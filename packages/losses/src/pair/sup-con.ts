import { checkOptions, definePlugin } from '@lookalike/core'
import * as z from 'zod'
import { createPairLoss, type PairValue, type UnboundPairLoss } from './create-pair-loss.js'
import { anchorPlaces, type Pairs, softmax } from './pairs.js'

/*
 * SupCon: Khosla et al., "Supervised Contrastive Learning", NeurIPS 2020, arXiv 2004.11362, the sum outside the logarithm.
 */

const supConOptions = z.strictObject({
  tau: z.number().positive().default(0.1).describe('Temperature of the cosines, > 0.'),
})

export type SupConOptions = z.input<typeof supConOptions>

/** `mean over anchors with positives of mean_p -log(exp(s_ap / tau) / sum over all others exp(s_ak / tau))`. */
function supConKernel(pairs: Pairs, { tau }: { readonly tau: number }): PairValue | undefined {
  const { values, rows, columns } = pairs
  const gradient = new Float32Array(values.length)
  const z = new Float64Array(columns)
  let sum = 0
  let anchors = 0
  const placesOf = anchorPlaces(pairs)
  for (let row = 0; row < rows; row++) {
    const { positives, negatives } = placesOf(row)
    const own = positives.length
    if (own === 0) continue
    anchors++
    for (let i = 0; i < own; i++) z[i] = values[positives[i]!]! / tau
    for (let i = 0; i < negatives.length; i++) z[own + i] = values[negatives[i]!]! / tau
    const all = softmax(z, own + negatives.length)
    for (let i = 0; i < own; i++) {
      sum += (all - values[positives[i]!]! / tau) / own
      gradient[positives[i]!] = z[i]! - 1 / own
    }
    for (let i = 0; i < negatives.length; i++) gradient[negatives[i]!] = z[own + i]!
  }
  if (anchors === 0) return undefined
  for (let i = 0; i < gradient.length; i++) gradient[i]! /= anchors * tau
  return { value: sum / anchors, gradient }
}

/** SupCon on cosines. */
export function supCon(options: SupConOptions = {}): UnboundPairLoss {
  const symbols = checkOptions('sup-con', supConOptions, options)
  return createPairLoss({
    name: 'sup-con',
    measure: 'cosine',
    kernel: (pairs) => supConKernel(pairs, symbols),
  })
}

export const supConPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'loss',
  name: 'sup-con',
  description: 'Supervised contrastive loss: the positives of an anchor share the softmax over all other images.',
  options: supConOptions,
  create: (options) => supCon(options),
})

declare module '@lookalike/core' {
  interface LossPlugins {
    'sup-con': SupConOptions
  }
}

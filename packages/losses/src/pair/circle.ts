import { checkOptions, definePlugin, logistic, softplus } from '@lookalike/core'
import * as z from 'zod'
import { createPairLoss, type PairValue, type UnboundPairLoss } from './create-pair-loss.js'
import { anchorPlaces, type Pairs, softmax } from './pairs.js'

/*
 * Circle loss: Sun et al., "Circle Loss: A Unified Perspective of Pair Similarity Optimization", CVPR 2020, arXiv 2002.10857.
 */

const circleOptions = z.strictObject({
  m: z.number().min(0).max(1).default(0.4).describe('Relaxation margin, 0 to 1.'),
  gamma: z.number().positive().default(80).describe('Scale, > 0.'),
})

export type CircleOptions = z.input<typeof circleOptions>

/**
 * `mean over anchors of log(1 + sum_N exp(gamma a_n (s_n - m)) sum_P exp(-gamma a_p (s_p - 1 + m)))` with the weights
 * `a_p = max(0, 1 + m - s_p)` and `a_n = max(0, s_n + m)` taken as constants, over anchors that have both kinds of pairs.
 */
function circleKernel(
  pairs: Pairs,
  { m, gamma }: { readonly m: number; readonly gamma: number },
): PairValue | undefined {
  const { values, rows, columns } = pairs
  const gradient = new Float32Array(values.length)
  const p = new Float64Array(columns)
  const n = new Float64Array(columns)
  const slopeP = (s: number) => -gamma * Math.max(0, 1 + m - s)
  const slopeN = (s: number) => gamma * Math.max(0, s + m)
  let sum = 0
  let anchors = 0
  const placesOf = anchorPlaces(pairs)
  for (let row = 0; row < rows; row++) {
    const { positives, negatives } = placesOf(row)
    if (positives.length === 0 || negatives.length === 0) continue
    anchors++
    positives.forEach((at, i) => (p[i] = slopeP(values[at]!) * (values[at]! - 1 + m)))
    negatives.forEach((at, i) => (n[i] = slopeN(values[at]!) * (values[at]! - m)))
    const exponent = softmax(p, positives.length) + softmax(n, negatives.length)
    sum += softplus(exponent)
    const pull = logistic(exponent)
    positives.forEach((at, i) => (gradient[at] = pull * p[i]! * slopeP(values[at]!)))
    negatives.forEach((at, i) => (gradient[at] = pull * n[i]! * slopeN(values[at]!)))
  }
  if (anchors === 0) return undefined
  for (let i = 0; i < gradient.length; i++) gradient[i]! /= anchors
  return { value: sum / anchors, gradient }
}

/** Circle loss on cosines. */
export function circle(options: CircleOptions = {}): UnboundPairLoss {
  const symbols = checkOptions('circle', circleOptions, options)
  return createPairLoss({
    name: 'circle',
    measure: 'cosine',
    kernel: (pairs) => circleKernel(pairs, symbols),
  })
}

export const circlePlugin = definePlugin({
  specVersion: 'v1',
  kind: 'loss',
  name: 'circle',
  description: 'Circle loss: each pair is weighted by how far it is from its optimum.',
  options: circleOptions,
  create: (options) => circle(options),
})

declare module '@lookalike/core' {
  interface LossPlugins {
    circle: CircleOptions
  }
}

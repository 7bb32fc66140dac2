import { checkOptions, definePlugin, type UnboundLoss } from '@lookalike/core'
import * as z from 'zod'
import { createProxyLoss } from './create-proxy-loss.js'
import { type ProxyExtras, proxyOptions, regularisersOf } from './proxy-options.js'
import { softTripleCentres } from './soft-triple-centres.js'
import { softTripleKernel } from './soft-triple-kernel.js'

/*
 * SoftTriple: Qian, Shang, Sun, Hu, Li, Jin, "SoftTriple Loss: Deep Metric Learning Without Triplet Sampling",
 * ICCV 2019, arXiv 1909.05235.
 */

const softTripleOptions = z.strictObject({
  lambda: z.number().positive().default(20).describe('Scale of the similarities, > 0.'),
  gamma: z.number().positive().default(0.1).describe('Temperature of the choice among the centres of a class, > 0.'),
  tau: z.number().min(0).default(0.2).describe('Weight of the term that merges the centres of a class, >= 0.'),
  delta: z.number().min(0).max(2).default(0.01).describe('Margin on the similarity, 0 to 2.'),
  K: z.number().int().positive().default(10).describe('Centres a class.'),
  ...proxyOptions,
})

export type SoftTripleOptions = z.input<typeof softTripleOptions>

/** SoftTriple: K proxies ("centres") a class; rows `c * K` to `c * K + K - 1` of `proxies` belong to class c. */
export function softTriple(options: SoftTripleOptions = {}, extras: ProxyExtras = {}): UnboundLoss {
  const { lambda, gamma, tau, delta, K, proxyLearningRate, orthogonality } = checkOptions(
    'soft-triple',
    softTripleOptions,
    options,
  )
  return createProxyLoss({
    name: 'soft-triple',
    kernel: (labels) => softTripleKernel(labels, { lambda, gamma, delta, K }),
    proxiesPerClass: K,
    learningRateFactor: proxyLearningRate,
    regularisers: [
      ...(tau > 0 && K > 1 ? [softTripleCentres({ tau, K })] : []),
      ...regularisersOf(orthogonality, extras),
    ],
  })
}

export const softTriplePlugin = definePlugin({
  specVersion: 'v1',
  kind: 'loss',
  name: 'soft-triple',
  description: 'SoftTriple: softmax over classes that have several trained centres each.',
  options: softTripleOptions,
  create: (options) => softTriple(options),
})

declare module '@lookalike/core' {
  interface LossPlugins {
    'soft-triple': SoftTripleOptions
  }
}

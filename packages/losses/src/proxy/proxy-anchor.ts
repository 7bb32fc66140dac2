import { checkOptions, definePlugin, type UnboundLoss } from '@lookalike/core'
import * as z from 'zod'
import { createProxyLoss } from './create-proxy-loss.js'
import { proxyAnchorKernel } from './proxy-anchor-kernel.js'
import { type ProxyExtras, proxyOptions, regularisersOf } from './proxy-options.js'

/*
 * Proxy Anchor: Kim, Kim, Cho, Kwak, "Proxy Anchor Loss for Deep Metric Learning", CVPR 2020, arXiv 2003.13911.
 */

const proxyAnchorOptions = z.strictObject({
  alpha: z.number().positive().default(32).describe('Scale of the cosines, > 0.'),
  delta: z.number().min(-1).max(1).default(0.1).describe('Margin on the cosine, -1 to 1.'),
  ...proxyOptions,
})

export type ProxyAnchorOptions = z.input<typeof proxyAnchorOptions>

/**
 * Proxy Anchor, one proxy a class; with `orthogonality`, soft orthogonal proxies.
 *
 * @example
 * const loss = await proxyAnchor({ orthogonality: {} }).bind({ dim: 128, classes: 821, seed: 1 })
 */
export function proxyAnchor(options: ProxyAnchorOptions = {}, extras: ProxyExtras = {}): UnboundLoss {
  const { alpha, delta, proxyLearningRate, orthogonality } = checkOptions('proxy-anchor', proxyAnchorOptions, options)
  return createProxyLoss({
    name: 'proxy-anchor',
    kernel: (labels, classes) => proxyAnchorKernel(labels, classes, { alpha, delta }),
    learningRateFactor: proxyLearningRate,
    regularisers: regularisersOf(orthogonality, extras),
  })
}

export const proxyAnchorPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'loss',
  name: 'proxy-anchor',
  description: 'Proxy Anchor: each class has a trained proxy that pulls its images and pushes all others.',
  options: proxyAnchorOptions,
  create: (options) => proxyAnchor(options),
})

declare module '@lookalike/core' {
  interface LossPlugins {
    'proxy-anchor': ProxyAnchorOptions
  }
}

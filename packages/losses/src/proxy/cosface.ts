import { checkOptions, definePlugin, type UnboundLoss } from '@lookalike/core'
import * as z from 'zod'
import { cosineSoftmaxKernel } from './cosine-softmax-kernel.js'
import { createProxyLoss } from './create-proxy-loss.js'
import { type ProxyExtras, proxyOptions, regularisersOf } from './proxy-options.js'

/*
 * CosFace: Wang et al., "CosFace: Large Margin Cosine Loss for Deep Face Recognition", CVPR 2018, arXiv 1801.09414.
 */

const cosfaceOptions = z.strictObject({
  s: z.number().positive().default(64).describe('Scale of the cosines, > 0.'),
  m: z.number().min(0).max(2).default(0.35).describe('Margin on the cosine, 0 to 2.'),
  ...proxyOptions,
})

export type CosfaceOptions = z.input<typeof cosfaceOptions>

/** CosFace, one proxy a class. */
export function cosface(options: CosfaceOptions = {}, extras: ProxyExtras = {}): UnboundLoss {
  const { s, m, proxyLearningRate, orthogonality } = checkOptions('cosface', cosfaceOptions, options)
  return createProxyLoss({
    name: 'cosface',
    kernel: (labels) => cosineSoftmaxKernel(labels, s, (cosine) => ({ value: cosine - m, slope: 1 })),
    learningRateFactor: proxyLearningRate,
    regularisers: regularisersOf(orthogonality, extras),
  })
}

export const cosfacePlugin = definePlugin({
  specVersion: 'v1',
  kind: 'loss',
  name: 'cosface',
  description: 'CosFace: softmax over cosines with an additive margin on the cosine.',
  options: cosfaceOptions,
  create: (options) => cosface(options),
})

declare module '@lookalike/core' {
  interface LossPlugins {
    cosface: CosfaceOptions
  }
}

import { checkOptions, definePlugin, type UnboundLoss } from '@lookalike/core'
import * as z from 'zod'
import { cosineSoftmaxKernel } from './cosine-softmax-kernel.js'
import { createProxyLoss } from './create-proxy-loss.js'
import { type ProxyExtras, proxyOptions, regularisersOf } from './proxy-options.js'

/*
 * ProxyNCA++: Teh, DeVries, Taylor, "ProxyNCA++: Revisiting and Revitalizing Proxy Neighborhood Component Analysis",
 * ECCV 2020, arXiv 2004.01113.
 */

const proxyNcaPpOptions = z.strictObject({
  T: z
    .number()
    .positive()
    .default(1 / 9)
    .describe('Temperature of the squared distances, > 0.'),
  ...proxyOptions,
})

export type ProxyNcaPpOptions = z.input<typeof proxyNcaPpOptions>

/** ProxyNCA++, one proxy a class: cross-entropy of `softmax(-|x - p|^2 / T)` on unit vectors. */
export function proxyNcaPp(options: ProxyNcaPpOptions = {}, extras: ProxyExtras = {}): UnboundLoss {
  const { T, proxyLearningRate, orthogonality } = checkOptions('proxy-nca-pp', proxyNcaPpOptions, options)
  // On unit vectors |x - p|^2 = 2 - 2 s, and softmax does not see the constant.
  const scale = 2 / T
  return createProxyLoss({
    name: 'proxy-nca-pp',
    kernel: (labels) => cosineSoftmaxKernel(labels, scale, (cosine) => ({ value: cosine, slope: 1 })),
    learningRateFactor: proxyLearningRate,
    regularisers: regularisersOf(orthogonality, extras),
  })
}

export const proxyNcaPpPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'loss',
  name: 'proxy-nca-pp',
  description: 'ProxyNCA++: softmax over the squared distances to all proxies, at a low temperature.',
  options: proxyNcaPpOptions,
  create: (options) => proxyNcaPp(options),
})

declare module '@lookalike/core' {
  interface LossPlugins {
    'proxy-nca-pp': ProxyNcaPpOptions
  }
}

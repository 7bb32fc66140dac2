import { checkOptions, definePlugin, type UnboundLoss } from '@lookalike/core'
import * as z from 'zod'
import { cosineSoftmaxKernel, type TargetCosine } from './cosine-softmax-kernel.js'
import { createProxyLoss } from './create-proxy-loss.js'
import { type ProxyExtras, proxyOptions, regularisersOf } from './proxy-options.js'

/*
 * ArcFace: Deng, Guo, Xue, Zafeiriou, "ArcFace: Additive Angular Margin Loss for Deep Face Recognition", CVPR 2019, arXiv 1801.07698.
 */

const arcfaceOptions = z.strictObject({
  s: z.number().positive().default(64).describe('Scale of the cosines, > 0.'),
  m: z.number().min(0).max(180).default(28.6).describe('Margin on the angle, degrees, 0 to 180.'),
  ...proxyOptions,
})

export type ArcfaceOptions = z.input<typeof arcfaceOptions>

/** Keeps the slope of `cos(acos(s) + m)` finite at s = 1 and s = -1. */
const EDGE = 1e-7

/** `cos(theta + m)`; past 180 degrees a straight line goes on falling, as in the authors' code. */
export function angularMargin(m: number): TargetCosine {
  return (s) => {
    const clamped = Math.min(Math.max(s, -1 + EDGE), 1 - EDGE)
    const inside = clamped === s ? 1 : 0
    const theta = Math.acos(clamped)
    return theta <= Math.PI - m
      ? { value: Math.cos(theta + m), slope: (inside * Math.sin(theta + m)) / Math.sin(theta) }
      : { value: clamped - m * Math.sin(m), slope: inside }
  }
}

/** ArcFace, one proxy a class. */
export function arcface(options: ArcfaceOptions = {}, extras: ProxyExtras = {}): UnboundLoss {
  const { s, m, proxyLearningRate, orthogonality } = checkOptions('arcface', arcfaceOptions, options)
  const target = angularMargin((m * Math.PI) / 180)
  return createProxyLoss({
    name: 'arcface',
    kernel: (labels) => cosineSoftmaxKernel(labels, s, target),
    learningRateFactor: proxyLearningRate,
    regularisers: regularisersOf(orthogonality, extras),
  })
}

export const arcfacePlugin = definePlugin({
  specVersion: 'v1',
  kind: 'loss',
  name: 'arcface',
  description: 'ArcFace: softmax over cosines with an additive margin on the angle.',
  options: arcfaceOptions,
  create: (options) => arcface(options),
})

declare module '@lookalike/core' {
  interface LossPlugins {
    arcface: ArcfaceOptions
  }
}

import { definePlugin } from '@lookalike/core'
import type { Scalar, Tensor2D } from '@tensorflow/tfjs-core'
import { z } from 'zod'
import type { Tensorflow } from '../backend/load-tensorflow.js'
import { createPairLoss, type PairValue, type UnboundPairLoss } from './create-pair-loss.js'
import { maskedLogSumExp } from './masked.js'
import { type Pairs, rowSums } from './pairs.js'

/*
 * SupCon: Khosla et al., "Supervised Contrastive Learning", NeurIPS 2020, arXiv 2004.11362, the sum outside the logarithm.
 */

const supConOptions = z.strictObject({
  tau: z.number().positive().default(0.1).describe('Temperature of the cosines, > 0.'),
})

export type SupConOptions = z.input<typeof supConOptions>

/** `mean over anchors with positives of mean_p -log(exp(s_ap / tau) / sum over all others exp(s_ak / tau))`. */
function supConValue(
  tf: Tensorflow,
  s: Tensor2D,
  pairs: Pairs,
  { tau }: { readonly tau: number },
): PairValue | undefined {
  const { rows, columns, positives, negatives } = pairs
  const counts = rowSums(positives, rows, columns)
  const anchors = counts.reduce((sum, count) => sum + Number(count > 0), 0)
  if (anchors === 0) return undefined
  const weights = positives.map((mask, i) => mask && mask / (counts[Math.floor(i / columns)]! * anchors))
  const others = positives.map((mask, i) => mask + negatives[i]!)
  const z = tf.div(s, tau) as Tensor2D
  const costs = tf.sub(maskedLogSumExp(tf, z, tf.tensor2d(others, [rows, columns])), z)
  return { value: tf.sum(tf.mul(costs, tf.tensor2d(weights, [rows, columns]))) as Scalar }
}

/** SupCon on cosines. */
export function supCon(options: SupConOptions = {}): UnboundPairLoss {
  const symbols = supConOptions.parse(options)
  return createPairLoss({
    name: 'sup-con',
    measure: 'cosine',
    value: (tf, s, pairs) => supConValue(tf, s, pairs, symbols),
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

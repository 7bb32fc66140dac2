import { definePlugin } from '@lookalike/core'
import type { Scalar, Tensor2D } from '@tensorflow/tfjs-core'
import { z } from 'zod'
import type { Tensorflow } from '../backend/load-tensorflow.js'
import { createPairLoss, type PairValue, type UnboundPairLoss } from './create-pair-loss.js'
import { maskedLogSumExp } from './masked.js'
import type { Pairs } from './pairs.js'

/*
 * NT-Xent / InfoNCE: van den Oord, Li, Vinyals, 2018, arXiv 1807.03748; Chen, Kornblith, Norouzi, Hinton (SimCLR), ICML 2020,
 * arXiv 2002.05709. With labels: each positive pair against all negatives of its anchor.
 */

const ntXentOptions = z.strictObject({
  tau: z.number().positive().default(0.07).describe('Temperature of the cosines, > 0.'),
})

export type NtXentOptions = z.input<typeof ntXentOptions>

/** `mean over positive pairs of -log(exp(s_ap / tau) / (exp(s_ap / tau) + sum_n exp(s_an / tau)))`. */
function ntXentValue(
  tf: Tensorflow,
  s: Tensor2D,
  pairs: Pairs,
  { tau }: { readonly tau: number },
): PairValue | undefined {
  const { rows, columns, positives, negatives } = pairs
  const count = positives.reduce((sum, mask) => sum + mask, 0)
  if (count === 0) return undefined
  const z = tf.div(s, tau) as Tensor2D
  const rivals = maskedLogSumExp(tf, z, tf.tensor2d(negatives, [rows, columns]))
  const costs = tf.softplus(tf.sub(rivals, z))
  return { value: tf.div(tf.sum(tf.mul(costs, tf.tensor2d(positives, [rows, columns]))), count) as Scalar }
}

/** NT-Xent on cosines; without a second view it is InfoNCE over the labels of the batch. */
export function ntXent(options: NtXentOptions = {}): UnboundPairLoss {
  const symbols = ntXentOptions.parse(options)
  return createPairLoss({
    name: 'nt-xent',
    measure: 'cosine',
    value: (tf, s, pairs) => ntXentValue(tf, s, pairs, symbols),
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

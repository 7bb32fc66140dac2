import { definePlugin } from '@lookalike/core'
import type { Scalar, Tensor2D } from '@tensorflow/tfjs-core'
import { z } from 'zod'
import type { Tensorflow } from '../backend/load-tensorflow.js'
import { createPairLoss, type PairValue, type UnboundPairLoss } from './create-pair-loss.js'
import { detach, maskedLogSumExp } from './masked.js'
import { type Pairs, rowSums } from './pairs.js'

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
function circleValue(
  tf: Tensorflow,
  s: Tensor2D,
  pairs: Pairs,
  { m, gamma }: { readonly m: number; readonly gamma: number },
): PairValue | undefined {
  const { rows, columns, positives, negatives } = pairs
  const positiveCounts = rowSums(positives, rows, columns)
  const negativeCounts = rowSums(negatives, rows, columns)
  const complete = Float32Array.from(positiveCounts, (count, row) => Number(count > 0 && negativeCounts[row]! > 0))
  const anchors = complete.reduce((sum, one) => sum + one, 0)
  if (anchors === 0) return undefined
  const fixed = detach(tf, s)
  const positive = tf.mul(tf.mul(tf.relu(tf.sub(1 + m, fixed)), tf.sub(s, 1 - m)), -gamma) as Tensor2D
  const negative = tf.mul(tf.mul(tf.relu(tf.add(fixed, m)), tf.sub(s, m)), gamma) as Tensor2D
  const costs = tf.softplus(
    tf.add(
      maskedLogSumExp(tf, positive, tf.tensor2d(positives, [rows, columns])),
      maskedLogSumExp(tf, negative, tf.tensor2d(negatives, [rows, columns])),
    ),
  )
  return { value: tf.div(tf.sum(tf.mul(costs, tf.tensor2d(complete, [rows, 1]))), anchors) as Scalar }
}

/** Circle loss on cosines. */
export function circle(options: CircleOptions = {}): UnboundPairLoss {
  const symbols = circleOptions.parse(options)
  return createPairLoss({
    name: 'circle',
    measure: 'cosine',
    value: (tf, s, pairs) => circleValue(tf, s, pairs, symbols),
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

import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core'
import type { Tensorflow } from '../backend/load-tensorflow.js'

/** The same values, taken as constants by the gradient. */
export function detach<T extends Tensor>(tf: Tensorflow, tensor: T): T {
  return tf.customGrad((x) => ({ value: tf.clone(x as Tensor), gradFunc: () => tf.zerosLike(x as Tensor) }))(
    tensor,
  ) as T
}

/** Smaller than any similarity that matters, yet far from overflow. */
const FAR = -1e9

/**
 * `log(sum exp z)` of each row over the entries where `mask` is 1, as `[rows, 1]`; with `one`, `log(1 + sum exp z)`.
 * Never overflows; a row without entries gives -1e9 (0 with `one`).
 */
export function maskedLogSumExp(tf: Tensorflow, z: Tensor2D, mask: Tensor2D, one = false): Tensor2D {
  const kept = tf.add(tf.mul(z, mask), tf.mul(tf.sub(1, mask), FAR))
  const highest = tf.max(detach(tf, kept), 1, true)
  const shift = one ? tf.maximum(highest, 0) : highest
  const sum = tf.sum(tf.mul(tf.exp(tf.sub(kept, shift)), mask), 1, true)
  // Rows without entries take the logarithm of 1 rather than of 0.
  const rest = one ? tf.exp(tf.neg(shift)) : tf.relu(tf.sub(1, tf.sum(mask, 1, true)))
  return tf.add(tf.log(tf.add(sum, rest)), shift) as Tensor2D
}

import type { Scalar, Tensor } from '@tensorflow/tfjs-core'
import type { Tensorflow } from './tensorflow.js'

/**
 * The value of `loss` and its gradients with respect to `inputs`, as plain numbers. Call inside nothing: it tidies up itself,
 * also when `loss` throws. Inputs that the function does not use have zero gradients.
 */
export function valueAndGradients(
  tf: Tensorflow,
  inputs: readonly { readonly data: Float32Array; readonly shape: readonly number[] }[],
  loss: (tensors: readonly Tensor[]) => Scalar,
): { readonly value: number; readonly gradients: readonly Float32Array[] } {
  let value = 0
  let gradients: readonly Float32Array[] = []
  // An error that passes through the differentiation itself would leave its saved tensors behind.
  let failure: { readonly error: unknown } | undefined
  tf.tidy(() => {
    const result = tf.valueAndGrads((...tensors: Tensor[]) => {
      // TensorFlow.js has no gradient for inputs that the function did not use: zero times each input is added.
      let sum = tensors.reduce<Tensor>((total, tensor) => tf.add(total, tf.mul(tf.sum(tensor), 0)), tf.scalar(0))
      try {
        sum = tf.add(sum, loss(tensors))
      } catch (error) {
        failure = { error }
      }
      return sum as Scalar
    })(inputs.map(({ data, shape }) => tf.tensor(data, [...shape], 'float32')))
    value = result.value.dataSync()[0]!
    // Copied: a backend may hand out a view of its own memory.
    gradients = result.grads.map((gradient) => Float32Array.from(gradient.dataSync()))
  })
  if (failure) throw failure.error
  return { value, gradients }
}

import type { Tensor } from '@tensorflow/tfjs-core'
import type { Tensorflow } from './tensorflow.js'

const COMPARISONS = ['Equal', 'NotEqual', 'Less', 'LessEqual', 'Greater', 'GreaterEqual', 'LogicalAnd', 'LogicalOr']

/**
 * TensorFlow.js refuses to differentiate a function that compares tensors, even where the result only chooses between two
 * others (`tf.where`). A comparison is constant almost everywhere: its gradient is 0.
 */
export function registerMissingGradients(tf: Tensorflow): void {
  for (const kernelName of COMPARISONS) {
    if (tf.getGradient(kernelName)) continue
    tf.registerGradient({
      kernelName,
      inputsToSave: ['a', 'b'],
      gradFunc: (_dy, saved) => {
        const [a, b] = saved as [Tensor, Tensor]
        return { a: () => tf.zerosLike(a), b: () => tf.zerosLike(b) }
      },
    })
  }
}

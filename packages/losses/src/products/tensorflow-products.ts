import type { Tensor2D } from '@tensorflow/tfjs-core'
import { loadTensorflow } from '../backend/load-tensorflow.js'
import { type Matrix, matrix, type Products } from './products.js'

/** The products by TensorFlow.js, where there is no onnxruntime. */
export async function tensorflowProducts(): Promise<Products> {
  const tf = await loadTensorflow()
  const multiply = async (rows: number, cols: number, product: () => Tensor2D): Promise<Matrix> => {
    const result = tf.tidy(product)
    try {
      // Copied: a backend may hand out a view of its own memory.
      return matrix(Float32Array.from(result.dataSync()), rows, cols)
    } finally {
      result.dispose()
    }
  }
  const tensor = ({ data, rows, cols }: Matrix) => tf.tensor2d(data, [rows, cols])
  // Transposed first: the wasm backend multiplies a transposed operand 7 to 20 times more slowly.
  const transposed = (m: Matrix) => tf.transpose(tensor(m)) as Tensor2D
  return {
    name: 'tensorflow',
    abt: (a, b) => multiply(a.rows, b.rows, () => tf.matMul(tensor(a), transposed(b))),
    ab: (a, b) => multiply(a.rows, b.cols, () => tf.matMul(tensor(a), tensor(b))),
    atb: (a, b) => multiply(a.cols, b.cols, () => tf.matMul(transposed(a), tensor(b))),
  }
}

import { loadTensorflow } from '../backend/load-tensorflow.js'
import { matrix, type Matrix, type Products } from './products.js'

/** The products by TensorFlow.js, where there is no onnxruntime. */
export async function tensorflowProducts(): Promise<Products> {
  const tf = await loadTensorflow()
  const multiply = async (a: Matrix, b: Matrix, transposeA: boolean, transposeB: boolean): Promise<Matrix> => {
    const rows = transposeA ? a.cols : a.rows
    const cols = transposeB ? b.rows : b.cols
    const product = tf.tidy(() =>
      tf.matMul(tf.tensor2d(a.data, [a.rows, a.cols]), tf.tensor2d(b.data, [b.rows, b.cols]), transposeA, transposeB),
    )
    try {
      // Copied: a backend may hand out a view of its own memory.
      return matrix(Float32Array.from(product.dataSync()), rows, cols)
    } finally {
      product.dispose()
    }
  }
  return {
    name: 'tensorflow',
    abt: (a, b) => multiply(a, b, false, true),
    ab: (a, b) => multiply(a, b, false, false),
    atb: (a, b) => multiply(a, b, true, false),
  }
}

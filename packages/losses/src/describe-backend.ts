import { loadTensorflow, type TensorflowBackend, tensorflowBackend } from './backend/load-tensorflow.js'
import { loadProducts } from './products/load-products.js'

export interface BackendDescription {
  /** What multiplies matrices for the losses of this package. */
  readonly products: 'onnxruntime' | 'tensorflow'
  /** `tensorflow` is `@tensorflow/tfjs-node`. */
  readonly tensorflow: TensorflowBackend
  readonly tensorflowVersion: string
}

/** What computes losses on this machine. Loads it. */
export async function describeBackend(): Promise<BackendDescription> {
  const [tf, products] = await Promise.all([loadTensorflow(), loadProducts()])
  return { products: products.name, tensorflow: tensorflowBackend()!, tensorflowVersion: tf.version_core }
}

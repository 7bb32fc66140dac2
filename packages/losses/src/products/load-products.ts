import type { Products } from './products.js'
import { tensorflowProducts } from './tensorflow-products.js'

let loading: Promise<Products> | undefined

/** Matrix products on the fastest thing installed: onnxruntime through `@lookalike/onnx`, else TensorFlow.js. */
export function loadProducts(): Promise<Products> {
  loading ??= load().catch((error: unknown) => {
    loading = undefined
    throw error
  })
  return loading
}

async function load(): Promise<Products> {
  return tensorflowProducts()
}

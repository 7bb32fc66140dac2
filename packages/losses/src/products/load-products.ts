import { isLookalikeError } from '@lookalike/core'
import { onnxProducts } from './onnx-products.js'
import type { Products } from './products.js'
import { tensorflowProducts } from './tensorflow-products.js'

let loading: Promise<Products> | undefined

/**
 * Matrix products on the fastest thing installed: onnxruntime through `@lookalike/onnx`, else TensorFlow.js. Loaded once a
 * process; the sessions hold no memory of their own worth freeing.
 */
export function loadProducts(): Promise<Products> {
  loading ??= load().catch((error: unknown) => {
    loading = undefined
    throw error
  })
  return loading
}

async function load(): Promise<Products> {
  try {
    return (await onnxProducts()) ?? tensorflowProducts()
  } catch (error) {
    if (isMissing(error)) return tensorflowProducts()
    throw error
  }
}

const isMissing = (error: unknown) =>
  isLookalikeError(error, 'onnx/runtime-missing') ||
  (error as { code?: unknown } | null)?.code === 'ERR_MODULE_NOT_FOUND'

import { LookalikeError } from '@lookalike/core'
import { COMPARE_WASM } from './compare-wasm.js'
import type { GalleryRows } from './gallery-rows.js'

/** See `wasm/compare.ts`. */
interface Kernel {
  readonly memory: WebAssembly.Memory
  compareRows(rows: number, stride: number, data: number, query: number, sums: number): void
}

const PAGE = 2 ** 16

let compiled: WebAssembly.Module | undefined

/** @throws `browser/webassembly` */
function startKernel(): Kernel {
  try {
    compiled ??= new WebAssembly.Module(Uint8Array.from(atob(COMPARE_WASM), (letter) => letter.charCodeAt(0)))
    return new WebAssembly.Instance(compiled).exports as unknown as Kernel
  } catch (cause) {
    throw new LookalikeError(
      'browser/webassembly',
      {
        problem: 'The browser compiles no WebAssembly for the small gallery',
        fix: "Where the page has a policy for contents, allow it: script-src 'wasm-unsafe-eval'.",
      },
      { cause },
    )
  }
}

/**
 * Compares queries with all rows of a gallery, which is copied: its inner products, in one array that the next call writes again.
 *
 * @throws `browser/webassembly`
 */
export function createComparison({ rows, dim, data, scales }: GalleryRows): (query: Float32Array) => Float32Array {
  const stride = Math.ceil(dim / 16) * 16
  const kernel = startKernel()
  const queryAt = rows * stride
  const sumsAt = queryAt + stride * 2
  const bytes = sumsAt + rows * 4
  const missing = bytes - kernel.memory.buffer.byteLength
  if (missing > 0) kernel.memory.grow(Math.ceil(missing / PAGE))
  const kept = new Int8Array(kernel.memory.buffer, 0, rows * stride)
  for (let row = 0; row < rows; row++) kept.set(data.subarray(row * dim, (row + 1) * dim), row * stride)
  const small = new Int16Array(kernel.memory.buffer, queryAt, stride)
  const sums = new Int32Array(kernel.memory.buffer, sumsAt, rows)
  // The largest for which no sum leaves its 32 bits.
  const most = Math.min(2 ** 15 - 1, Math.floor((2 ** 31 - 1) / (127 * stride)))
  const similarities = new Float32Array(rows)
  return (query) => {
    let largest = 0
    for (const value of query) largest = Math.max(largest, Math.abs(value))
    const step = largest > 0 ? largest / most : 1
    for (let i = 0; i < dim; i++) small[i] = Math.round(query[i]! / step)
    kernel.compareRows(rows, stride, 0, queryAt, sumsAt)
    for (let row = 0; row < rows; row++) similarities[row] = sums[row]! * scales[row]! * step
    return similarities
  }
}

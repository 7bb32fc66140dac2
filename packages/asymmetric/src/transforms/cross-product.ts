import { createGraphBuilder, createSession, type Execution, float32 } from '@lookalike/onnx'

/** Rows multiplied at a time. */
const BLOCK = 8192

/**
 * `A^T B` of two matrices with the same number of rows, row-major `[a, b]`; summed over blocks in double precision.
 *
 * @param left `[rows, a]`
 * @param right `[rows, b]`
 */
export async function crossProduct(
  left: Float32Array,
  a: number,
  right: Float32Array,
  b: number,
  execution?: Execution,
): Promise<Float64Array> {
  const g = createGraphBuilder()
  const x = g.input('left', 'float32', ['N', a])
  const y = g.input('right', 'float32', ['N', b])
  g.output(g.gemm(x, y, undefined, { transA: true }), 'product')
  const session = await createSession(g.build(), execution)
  const sum = new Float64Array(a * b)
  try {
    const rows = left.length / a
    for (let start = 0; start < rows; start += BLOCK) {
      const end = Math.min(rows, start + BLOCK)
      const { product } = await session.run({
        left: float32(left.subarray(start * a, end * a), [end - start, a]),
        right: float32(right.subarray(start * b, end * b), [end - start, b]),
      })
      const values = product!.data as Float32Array
      for (let i = 0; i < sum.length; i++) sum[i]! += values[i]!
    }
  } finally {
    await session.dispose()
  }
  return sum
}

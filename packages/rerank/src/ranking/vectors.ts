import { norm } from '@lookalike/core'

/** `out += weight * row i of a`. */
export function addRow(out: Float64Array, a: Float32Array, i: number, weight: number): void {
  const from = i * out.length
  for (let d = 0; d < out.length; d++) out[d]! += weight * a[from + d]!
}

/** A vector with the direction of `vector` and the given length; zeros stay zeros. */
export function withNorm(vector: Float64Array, length: number): Float32Array {
  const own = norm(vector)
  return Float32Array.from(vector, (value) => (own > 0 ? (value * length) / own : 0))
}

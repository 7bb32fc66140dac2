/** Inner product of row `i` of `a` with row `j` of `b`, both row-major. */
export function dotRows(a: Float32Array, i: number, b: Float32Array, j: number, dim: number): number {
  const from = i * dim
  const to = j * dim
  let sum = 0
  for (let d = 0; d < dim; d++) sum += a[from + d]! * b[to + d]!
  return sum
}

/** `out += weight * row i of a`. */
export function addRow(out: Float64Array, a: Float32Array, i: number, weight: number): void {
  const from = i * out.length
  for (let d = 0; d < out.length; d++) out[d]! += weight * a[from + d]!
}

export function norm(vector: ArrayLike<number>): number {
  let sum = 0
  for (let d = 0; d < vector.length; d++) sum += vector[d]! * vector[d]!
  return Math.sqrt(sum)
}

/** A vector with the direction of `vector` and the given length; zeros stay zeros. */
export function withNorm(vector: Float64Array, length: number): Float32Array {
  const own = norm(vector)
  return Float32Array.from(vector, (value) => (own > 0 ? (value * length) / own : 0))
}

/**
 * Inner product of row `i` of `a` with row `j` of `b`, both row-major with `dim` values a row. Added in double precision and
 * always in the same order, so that equal rows give equal products.
 *
 * @example
 * dotRows(Float32Array.of(1, 2, 3, 4), 1, Float32Array.of(5, 6), 0, 2) // 3 * 5 + 4 * 6 = 39
 */
export function dotRows(a: Float32Array, i: number, b: Float32Array, j: number, dim: number): number {
  const from = i * dim
  const to = j * dim
  // Four sums: a single one waits for each addition.
  let s0 = 0
  let s1 = 0
  let s2 = 0
  let s3 = 0
  let d = 0
  for (; d + 3 < dim; d += 4) {
    s0 += a[from + d]! * b[to + d]!
    s1 += a[from + d + 1]! * b[to + d + 1]!
    s2 += a[from + d + 2]! * b[to + d + 2]!
    s3 += a[from + d + 3]! * b[to + d + 3]!
  }
  for (; d < dim; d++) s0 += a[from + d]! * b[to + d]!
  return s0 + s1 + (s2 + s3)
}

/** Inner product of two vectors of one length. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let d = 0; d < a.length; d++) sum += a[d]! * b[d]!
  return sum
}

/** Euclidean length. */
export const norm = (vector: ArrayLike<number>): number => Math.sqrt(dot(vector, vector))

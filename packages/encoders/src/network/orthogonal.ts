import { createRandom } from '@lookalike/core'

/**
 * A random `[rows, columns]` matrix, row-major, with orthonormal columns; with more columns than rows, orthonormal rows.
 * Gram-Schmidt on normal vectors, twice, which is orthogonal to single precision.
 */
export function orthogonalMatrix(rows: number, columns: number, seed: number): Float32Array {
  const random = createRandom(`orthogonal/${seed}`)
  const wide = columns > rows
  const count = wide ? rows : columns
  const length = wide ? columns : rows
  const vectors = Array.from({ length: count }, () => Float64Array.from({ length }, () => random.normal()))
  vectors.forEach((vector, i) => {
    for (let pass = 0; pass < 2; pass++) {
      for (const earlier of vectors.slice(0, i)) subtract(vector, earlier, dot(vector, earlier))
    }
    const norm = Math.sqrt(dot(vector, vector))
    for (let d = 0; d < length; d++) vector[d]! /= norm
  })
  const matrix = new Float32Array(rows * columns)
  vectors.forEach((vector, i) =>
    vector.forEach((value, d) => {
      matrix[wide ? i * columns + d : d * columns + i] = value
    }),
  )
  return matrix
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

function subtract(from: Float64Array, vector: Float64Array, factor: number): void {
  for (let i = 0; i < from.length; i++) from[i]! -= factor * vector[i]!
}

import type { Random } from '../contracts/training.js'
import { dot, norm } from './dot-rows.js'

/**
 * A random `[rows, columns]` matrix, row-major: its columns orthonormal, or its rows where there are more columns. Gram-Schmidt on
 * normal vectors.
 */
export function orthogonalMatrix(rows: number, columns: number, random: Random): Float32Array {
  const wide = columns > rows
  const count = Math.min(rows, columns)
  const length = Math.max(rows, columns)
  const vectors: Float64Array[] = []
  for (let i = 0; i < count; i++) {
    const vector = Float64Array.from({ length }, () => random.normal())
    // Once loses digits where vectors are many; twice is exact to single precision.
    for (let pass = 0; pass < 2; pass++) for (const earlier of vectors) subtract(vector, earlier, dot(vector, earlier))
    const size = norm(vector)
    vectors.push(vector.map((value) => value / size))
  }
  const matrix = new Float32Array(rows * columns)
  vectors.forEach((vector, i) =>
    vector.forEach((value, d) => {
      matrix[wide ? i * columns + d : d * columns + i] = value
    }),
  )
  return matrix
}

function subtract(from: Float64Array, vector: Float64Array, factor: number): void {
  for (let i = 0; i < from.length; i++) from[i]! -= factor * vector[i]!
}

import type { Random } from '@lookalike/core'

/** A random `[rows, columns]` matrix, row-major: its columns orthonormal, or its rows where there are more columns. */
export function orthogonalMatrix(rows: number, columns: number, random: Random): Float32Array {
  const wide = columns > rows
  const count = Math.min(rows, columns)
  const length = Math.max(rows, columns)
  const vectors: Float64Array[] = []
  for (let i = 0; i < count; i++) {
    const vector = Float64Array.from({ length }, () => random.normal())
    // Once loses digits where vectors are many; twice is exact to single precision.
    for (let pass = 0; pass < 2; pass++) for (const earlier of vectors) subtract(vector, earlier, dot(vector, earlier))
    const norm = Math.sqrt(dot(vector, vector))
    vectors.push(vector.map((value) => value / norm))
  }
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

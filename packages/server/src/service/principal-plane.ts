import { createRandom, dot, dotRows } from '@lookalike/core'

/** Directions that are looked for besides those that are kept: more of them settle sooner. */
const MORE = 4
const ROUNDS = 12

export interface PrincipalPlane {
  /** Of the rows, `dim` values. */
  readonly mean: Float32Array
  /** Orthonormal directions of `dim` values: the rows differ most along the first. */
  readonly axes: readonly Float32Array[]
}

/**
 * The directions that rows spread out in most (principal components, by subspace iteration: Halko, Martinsson & Tropp 2011, algorithm 4.4), seeded.
 *
 * @param data row-major, any number of rows of `dim` values
 * @param count how many directions; two are a plane
 */
export function principalPlane(data: Float32Array, dim: number, count = 2): PrincipalPlane {
  const rows = data.length / dim
  const mean = new Float32Array(dim)
  for (let row = 0; row < rows; row++) for (let j = 0; j < dim; j++) mean[j]! += data[row * dim + j]! / rows
  const random = createRandom('principal-plane')
  let basis = Array.from({ length: Math.min(count + MORE, dim) }, () =>
    Float32Array.from({ length: dim }, () => random.next() - 0.5),
  )
  orthonormalise(basis)
  const centred = new Float32Array(dim)
  for (let round = 0; round < ROUNDS; round++) {
    const next = basis.map(() => new Float32Array(dim))
    for (let row = 0; row < rows; row++) {
      for (let j = 0; j < dim; j++) centred[j] = data[row * dim + j]! - mean[j]!
      for (let k = 0; k < basis.length; k++) {
        const [weight, to] = [dot(basis[k]!, centred), next[k]!]
        for (let j = 0; j < dim; j++) to[j]! += weight * centred[j]!
      }
    }
    basis = orthonormalise(next)
  }
  return { mean, axes: Array.from({ length: count }, (_, k) => basis[k] ?? new Float32Array(dim)) }
}

/** How far rows lie from the mean along each axis: row-major, a value an axis. */
export function project({ mean, axes }: PrincipalPlane, data: Float32Array, dim: number): Float32Array {
  const centre = axes.map((axis) => dotRows(axis, 0, mean, 0, dim))
  const found = new Float32Array((data.length / dim) * axes.length)
  for (let row = 0; row < data.length / dim; row++)
    for (const [k, axis] of axes.entries()) found[row * axes.length + k] = dotRows(axis, 0, data, row, dim) - centre[k]!
  return found
}

/** Gram-Schmidt, in place; what depends on those before it becomes zero. */
function orthonormalise<T extends Float32Array>(vectors: T[]): T[] {
  for (const [k, vector] of vectors.entries()) {
    const before = Math.sqrt(dot(vector, vector))
    for (const other of vectors.slice(0, k)) {
      const weight = dot(vector, other)
      for (let j = 0; j < vector.length; j++) vector[j]! -= weight * other[j]!
    }
    const length = Math.sqrt(dot(vector, vector))
    const factor = length > before * 1e-5 ? 1 / length : 0
    for (let j = 0; j < vector.length; j++) vector[j]! *= factor
  }
  return vectors
}

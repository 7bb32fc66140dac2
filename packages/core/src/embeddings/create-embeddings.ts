import type { Embeddings, Role } from '../contracts/embeddings.js'
import { LookalikeError } from '../errors.js'

/**
 * Checks and freezes a matrix of embeddings.
 *
 * @throws `embeddings/shape` when `data` is not `rows * dim` long, `embeddings/not-finite` with the first bad row.
 */
export function createEmbeddings<R extends Role>(parts: {
  data: Float32Array
  rows: number
  dim: number
  space: string
  role: R
}): Embeddings<R> {
  const { data, rows, dim, space, role } = parts
  if (!Number.isInteger(rows) || rows < 0 || !Number.isInteger(dim) || dim < 1 || data.length !== rows * dim) {
    throw new LookalikeError(
      'embeddings/shape',
      {
        problem: `A matrix of ${rows} x ${dim} embeddings came with ${data.length} values`,
        expected: `${rows * dim} values in row-major order`,
      },
      { fields: { rows, dim, length: data.length, space } },
    )
  }
  for (let i = 0; i < data.length; i++) {
    // x - x is 0 for every finite x and NaN for infinities and NaN.
    if (data[i]! - data[i]! !== 0) {
      const row = Math.floor(i / dim)
      throw new LookalikeError(
        'embeddings/not-finite',
        {
          problem: `Row ${row} of ${rows} embeddings of ${space} holds ${data[i]} at dimension ${i % dim}`,
          expected: 'finite numbers',
          fix: 'Check the image at that row, and the model: half-precision weights overflow on some machines.',
        },
        { fields: { row, dimension: i % dim, space } },
      )
    }
  }
  return Object.freeze({ data, rows, dim, space, role })
}

/** The rows at `positions`, copied, in that order. */
export function selectRows<R extends Role>(embeddings: Embeddings<R>, positions: ArrayLike<number>): Embeddings<R> {
  const { dim, space, role } = embeddings
  const data = new Float32Array(positions.length * dim)
  for (let i = 0; i < positions.length; i++) {
    const from = positions[i]! * dim
    data.set(embeddings.data.subarray(from, from + dim), i * dim)
  }
  return Object.freeze({ data, rows: positions.length, dim, space, role })
}

/** One row, not copied. */
export function rowOf(embeddings: Embeddings, row: number): Float32Array {
  return embeddings.data.subarray(row * embeddings.dim, (row + 1) * embeddings.dim)
}

/**
 * Refuses to let two spaces meet.
 *
 * @throws `embeddings/space` naming both spaces, `embeddings/dim` when the lengths differ, `embeddings/role` when
 * gallery vectors are used as queries or the other way round.
 */
export function assertComparable(
  given: Embeddings,
  wanted: { readonly space: string; readonly dim: number; readonly role: 'query' | 'gallery' },
): void {
  if (given.space !== wanted.space) {
    throw new LookalikeError(
      'embeddings/space',
      {
        problem: `Embeddings of the space ${given.space} meet a gallery of ${wanted.space}`,
        expected: `embeddings of ${wanted.space}`,
        fix: 'Use the encoder that the gallery was made with, or index the images again with the new one.',
      },
      { fields: { given: given.space, wanted: wanted.space } },
    )
  }
  if (given.dim !== wanted.dim) {
    throw new LookalikeError(
      'embeddings/dim',
      {
        problem: `Embeddings of ${given.dim} dimensions meet ${wanted.dim} of ${wanted.space}`,
        expected: `${wanted.dim} dimensions`,
      },
      { fields: { given: given.dim, wanted: wanted.dim } },
    )
  }
  if (given.role !== 'any' && given.role !== wanted.role) {
    throw new LookalikeError(
      'embeddings/role',
      {
        problem: `Vectors made for the ${given.role} side are used on the ${wanted.role} side of ${wanted.space}`,
        expected: `vectors made for the ${wanted.role} side`,
        fix: 'Asymmetric models embed queries and gallery images differently: embed them again in the other role.',
      },
      { fields: { given: given.role, wanted: wanted.role } },
    )
  }
}

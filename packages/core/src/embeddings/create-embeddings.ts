import type { Embeddings, Role } from '../contracts/embeddings.js'
import { LookalikeError } from '../errors.js'

/**
 * Checks and freezes a matrix of embeddings. A `Float32Array` is kept as it is, other arrays of numbers are converted.
 *
 * @throws `embeddings/type` for anything but numbers, `embeddings/shape` when `data` is not `rows * dim` long,
 * `embeddings/not-finite` with the first row that float32 cannot hold.
 */
export function createEmbeddings<R extends Role>(parts: {
  data: ArrayLike<number>
  rows: number
  dim: number
  space: string
  role: R
}): Embeddings<R> {
  const { rows, dim, space, role } = parts
  if (typeof space !== 'string' || space === '') throw badType(`The space of embeddings is ${nameOf(space)}`, 'a text')
  if (!ROLES.has(role)) throw badType(`The role of embeddings is ${nameOf(role)}`, [...ROLES].join(', '))
  const data = toFloat32(parts.data)
  for (const [name, value, least] of [
    ['rows', rows, 0],
    ['dim', dim, 1],
  ] as const) {
    if (Number.isInteger(value) && value >= least) continue
    throw new LookalikeError('embeddings/shape', {
      problem: `The ${name} of embeddings came as ${nameOf(value)}`,
      expected: `a whole number from ${least}`,
    })
  }
  if (data.length !== rows * dim) {
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
    if (data[i]! - data[i]! !== 0) throw notFinite(parts.data[i]!, i, parts)
  }
  return Object.freeze({ data, rows, dim, space, role })
}

const ROLES: ReadonlySet<Role> = new Set(['query', 'gallery', 'any'])

/** Looks at tags, not classes: test runners bring classes of their own. */
function toFloat32(data: ArrayLike<number>): Float32Array {
  if (isFloat32(data)) return data
  const tag = Object.prototype.toString.call(data).slice(8, -1)
  if (/^(Int|Uint|Float)\d+(Clamped)?Array$/.test(tag)) return Float32Array.from(data)
  if (!Array.isArray(data)) throw badType(`Embeddings came as ${nameOf(data)}`, 'an array of numbers')
  const wrong = data.findIndex((value) => typeof value !== 'number')
  if (wrong >= 0)
    throw badType(`Embeddings came with ${nameOf(data[wrong])} as value ${wrong}`, 'a flat array of numbers')
  return Float32Array.from(data)
}

const isFloat32 = (data: unknown): data is Float32Array =>
  Object.prototype.toString.call(data) === '[object Float32Array]'

function nameOf(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  return typeof value === 'object' && value !== null
    ? `an object (${Object.prototype.toString.call(value).slice(8, -1)})`
    : String(value)
}

const badType = (problem: string, expected: string) => new LookalikeError('embeddings/type', { problem, expected })

function notFinite(value: number, i: number, { rows, dim, space }: { rows: number; dim: number; space: string }) {
  const row = Math.floor(i / dim)
  const large = Number.isFinite(value)
  return new LookalikeError(
    'embeddings/not-finite',
    {
      problem: `Row ${row} of ${rows} embeddings of ${space} holds ${value} at dimension ${i % dim}`,
      expected: large ? 'numbers that float32 can hold, up to 3.4e38' : 'finite numbers',
      fix: 'Check the image at that row, and the model: half-precision weights overflow on some machines.',
    },
    { fields: { row, dimension: i % dim, space } },
  )
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
 * @throws `embeddings/type` for what are no embeddings, `embeddings/space` naming both spaces, `embeddings/dim` when the lengths differ, `embeddings/role` when
 * gallery vectors are used as queries or the other way round.
 */
export function assertComparable(
  given: Embeddings,
  wanted: { readonly space: string; readonly dim: number; readonly role: 'query' | 'gallery' },
): void {
  if (typeof given?.space !== 'string')
    throw badType(`Embeddings came as ${nameOf(given)}`, 'embeddings, as createEmbeddings makes them')
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

import type { Embeddings } from '../contracts/embeddings.js'
import type { GalleryDescription, GalleryVectors } from '../contracts/gallery.js'
import { assertComparable, createEmbeddings } from '../embeddings/create-embeddings.js'
import { LookalikeError } from '../errors.js'

/**
 * The matrices of an addition, the searched vectors first, then the members' in their order; checked.
 *
 * @throws `gallery/shape`, and what `createEmbeddings` and `assertComparable` throw.
 */
export function checkVectors(
  { space, dim, members }: GalleryDescription,
  vectors: GalleryVectors,
  rows: number,
): Embeddings[] {
  const given = vectors?.members ?? {}
  const unknown = Object.keys(given).find((name) => !members.some((member) => member.name === name))
  if (unknown !== undefined)
    throw badShape(
      `The gallery keeps no member "${unknown}"`,
      members.length === 0 ? 'no members' : `vectors of ${members.map(({ name }) => name).join(', ')}`,
    )
  const matrices = [
    { embeddings: vectors?.embeddings, wanted: { space, dim }, name: 'The' },
    ...members.map((member) => ({
      embeddings: Object.hasOwn(given, member.name) ? given[member.name] : undefined,
      wanted: member,
      name: `The member "${member.name}"'s`,
    })),
  ]
  return matrices.map(({ embeddings, wanted, name }) => {
    if (typeof embeddings !== 'object' || embeddings === null)
      throw badShape(`${name} vectors are missing`, `vectors of ${wanted.space}`)
    assertComparable(embeddings, { space: wanted.space, dim: wanted.dim, role: 'gallery' })
    if (embeddings.rows !== rows)
      throw badShape(`${name} vectors have ${embeddings.rows} rows for ${rows} images`, 'one row an image')
    return createEmbeddings({ ...embeddings })
  })
}

/** The uncertainties that came with new vectors. @throws `gallery/shape` */
export function checkUncertainty(values: ArrayLike<number> | undefined, rows: number): void {
  if (values === undefined) return
  const wrong = Array.from(values).find((value) => !Number.isFinite(value))
  if (values.length === rows && wrong === undefined) return
  throw badShape(
    wrong === undefined ? `${values.length} uncertainties came for ${rows} images` : `An uncertainty is ${wrong}`,
    'one finite number an image',
  )
}

/**
 * What every search begins with.
 *
 * @throws `index/k`, and what `createEmbeddings` and `assertComparable` throw.
 */
export function checkQueries(
  { space, dim }: Pick<GalleryDescription, 'space' | 'dim'>,
  queries: Embeddings,
  k: number,
): Embeddings {
  checkK(k)
  assertComparable(queries, { space, dim, role: 'query' })
  return createEmbeddings({ ...queries })
}

/**
 * Checks a number of results: a whole number, at least 1.
 *
 * @throws `index/k`
 */
export function checkK(k: number): void {
  if (Number.isInteger(k) && k >= 1) return
  throw new LookalikeError(
    'index/k',
    { problem: `${k} results were asked for`, expected: 'a whole number from 1' },
    { fields: { k } },
  )
}

function badShape(problem: string, expected: string): LookalikeError {
  return new LookalikeError('gallery/shape', { problem, expected })
}

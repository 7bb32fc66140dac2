import { assertComparable, createEmbeddings, type Embeddings, LookalikeError, type Metadata } from '@lookalike/core'
import type { GalleryChange, GalleryItem, GalleryVectors } from './gallery.js'
import type { Manifest } from './manifest.js'

/** @throws `gallery/item` naming the id. */
export function checkItems(items: readonly GalleryItem[]): void {
  const seen = new Set<string>()
  for (const item of items) {
    if (typeof item.id !== 'string' || item.id === '')
      throw badItem(item.id, 'has no id', 'a text that is unique in the gallery')
    if (seen.has(item.id)) throw badItem(item.id, 'comes twice', 'each id once')
    if (typeof item.hash !== 'string' || item.hash === '')
      throw badItem(item.id, 'has no hash', 'the SHA-256 of its content')
    seen.add(item.id)
    checkChange(item)
  }
}

/** @throws `gallery/item` naming the id. */
export function checkChange({ id, metadata, uncertainty }: GalleryChange): void {
  if (uncertainty !== undefined && !Number.isFinite(uncertainty))
    throw badItem(id, `has the uncertainty ${uncertainty}`, 'a finite number')
  for (const [key, value] of Object.entries<unknown>(metadata ?? ({} satisfies Metadata))) {
    if (typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)) continue
    throw badItem(id, `has ${String(value)} as its "${key}"`, 'a text, a finite number, true or false')
  }
}

function badItem(id: unknown, problem: string, expected: string): LookalikeError {
  return new LookalikeError(
    'gallery/item',
    { problem: `The gallery item ${JSON.stringify(id)} ${problem}`, expected },
    { fields: { id } },
  )
}

/**
 * The matrices of an addition in the order of the files, checked.
 *
 * @throws `gallery/shape`, and what `createEmbeddings` and `assertComparable` throw.
 */
export function checkVectors(
  { space, dim, members }: Pick<Manifest, 'space' | 'dim' | 'members'>,
  vectors: GalleryVectors,
  rows: number,
): Embeddings[] {
  const given = vectors.members ?? {}
  const unknown = Object.keys(given).find((name) => !members.some((member) => member.name === name))
  if (unknown !== undefined)
    throw badShape(
      `The gallery keeps no member "${unknown}"`,
      members.length === 0 ? 'no members' : `vectors of ${members.map(({ name }) => name).join(', ')}`,
    )
  const matrices = [
    { embeddings: vectors.embeddings, wanted: { space, dim }, name: 'The' },
    ...members.map((member) => ({
      embeddings: given[member.name],
      wanted: member,
      name: `The member "${member.name}"'s`,
    })),
  ]
  return matrices.map(({ embeddings, wanted, name }) => {
    if (!embeddings) throw badShape(`${name} vectors are missing`, `vectors of ${wanted.space}`)
    assertComparable(embeddings, { space: wanted.space, dim: wanted.dim, role: 'gallery' })
    if (embeddings.rows !== rows)
      throw badShape(`${name} vectors have ${embeddings.rows} rows for ${rows} images`, 'one row an image')
    return createEmbeddings({ ...embeddings })
  })
}

function badShape(problem: string, expected: string): LookalikeError {
  return new LookalikeError('gallery/shape', { problem, expected })
}

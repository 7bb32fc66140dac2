import { assertComparable, createEmbeddings, type Embeddings, LookalikeError } from '@lookalike/core'
import type { Manifest } from '../store/manifest.js'
import type { GalleryChange, GalleryItem, GalleryVectors } from './gallery.js'

/** @throws `gallery/item` naming the id. */
export function checkItems(items: readonly GalleryItem[]): void {
  checkList(items, 'items')
  const seen = new Set<string>()
  for (const item of items) {
    checkChange(item)
    const { id, hash, box } = item
    if (seen.has(id)) throw badItem(id, 'comes twice', 'each id once')
    seen.add(id)
    if (typeof hash !== 'string' || hash === '') throw badItem(id, 'has no hash', 'the SHA-256 of its content')
    if (box !== undefined) checkBox(id, box)
  }
}

/** @throws `gallery/item` naming the id. */
export function checkChange(change: GalleryChange): void {
  if (typeof change !== 'object' || change === null)
    throw badItem(undefined, `is ${describe(change)}`, 'an object with an id')
  const { id, metadata, uncertainty, rejected, source } = change
  if (typeof id !== 'string' || id === '') throw badItem(id, 'has no id', 'a text that is unique in the gallery')
  if (uncertainty !== undefined && !Number.isFinite(uncertainty))
    throw badItem(id, `has the uncertainty ${describe(uncertainty)}`, 'a finite number')
  if (rejected !== undefined && typeof rejected !== 'boolean')
    throw badItem(id, `has ${describe(rejected)} as "rejected"`, 'true or false')
  if (source !== undefined && typeof source !== 'string')
    throw badItem(id, `has ${describe(source)} as its source`, 'a path or a URL as text')
  if (metadata === undefined) return
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata))
    throw badItem(id, `has ${describe(metadata)} as its metadata`, 'an object')
  for (const [key, value] of Object.entries<unknown>(metadata)) {
    if (typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)) continue
    throw badItem(id, `has ${describe(value)} as its "${key}"`, 'a text, a finite number, true or false')
  }
}

/** A text would be taken for a list of letters. @throws `gallery/item` */
export function checkIds(ids: readonly string[]): void {
  checkList(ids, 'ids')
  for (const id of ids) if (typeof id !== 'string') throw badItem(id, 'is no id', 'a text')
}

/** @throws `gallery/item` */
export function checkList(list: unknown, what: string): void {
  if (Array.isArray(list)) return
  throw new LookalikeError('gallery/item', { problem: `The ${what} are ${describe(list)}`, expected: 'an array' })
}

function checkBox(id: string, box: object): void {
  const sides: unknown[] = ['x', 'y', 'width', 'height'].map((side) => (box as Record<string, unknown>)?.[side])
  if (!sides.every(Number.isFinite)) throw badItem(id, `has ${describe(box)} as its box`, 'x, y, width and height')
}

function describe(value: unknown): string {
  try {
    return (JSON.stringify(value) ?? String(value)).slice(0, 80)
  } catch {
    return String(value)
  }
}

function badItem(id: unknown, problem: string, expected: string): LookalikeError {
  return new LookalikeError(
    'gallery/item',
    { problem: `The gallery item ${describe(id)} ${problem}`, expected },
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

function badShape(problem: string, expected: string): LookalikeError {
  return new LookalikeError('gallery/shape', { problem, expected })
}

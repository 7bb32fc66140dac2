import type { GalleryChange, GalleryItem } from '../contracts/gallery.js'
import { LookalikeError } from '../errors.js'

/** What every gallery store asks of new images. @throws `gallery/item` naming the id. */
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
function checkChange(change: GalleryChange): void {
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

/**
 * Checks changes to a gallery's images before any is made.
 *
 * @throws `gallery/item` naming the id.
 */
export function checkChanges(changes: readonly GalleryChange[]): void {
  checkList(changes, 'changes')
  for (const change of changes) checkChange(change)
}

/** A text would be taken for a list of letters. @throws `gallery/item` */
export function checkIds(ids: readonly string[]): void {
  checkList(ids, 'ids')
  for (const id of ids) if (typeof id !== 'string') throw badItem(id, 'is no id', 'a text')
}

function checkList(list: unknown, what: string): void {
  if (Array.isArray(list)) return
  throw new LookalikeError('gallery/item', { problem: `The ${what} are ${describe(list)}`, expected: 'an array' })
}

function checkBox(id: string, box: object): void {
  const sides: unknown[] = ['x', 'y', 'width', 'height'].map((side) => (box as Record<string, unknown>)?.[side])
  if (!sides.every(Number.isFinite)) throw badItem(id, `has ${describe(box)} as its box`, 'x, y, width and height')
}

function describe(value: unknown): string {
  // JSON writes null for numbers that are none.
  if (typeof value === 'number') return String(value)
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

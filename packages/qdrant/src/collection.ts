import { type FilterNode, type GallerySelection, parseFilter } from '@lookalike/core'
import { filterKeys, unknownKey } from '@lookalike/core/gallery'
import type { Schemas } from '@qdrant/js-client-rest'
import { type Condition, compileFilter } from './compile-filter.js'
import { findHeld, type Held, type Place } from './held.js'
import { pointId } from './point-id.js'
import { type Found, partsOf } from './points.js'

/** Points of images, by their ids; those that are not there are left out. */
export async function findPoints(
  { call }: Place,
  collection: string,
  ids: readonly string[],
  payload: readonly string[],
  vectors: readonly string[] = [],
): Promise<Map<string, Found>> {
  const wanted = new Set(ids)
  const found = new Map<string, Found>()
  for (const part of partsOf([...wanted])) {
    const points = await call('getPoints', {
      collection_name: collection,
      ids: part.map(pointId),
      with_payload: ['id', ...payload],
      with_vector: vectors.length === 0 ? false : [...vectors],
    })
    for (const point of points) {
      // Texts that UTF-8 cannot hold have ids of others.
      const id = String(point.payload?.['id'])
      if (wanted.has(id)) found.set(id, point)
    }
  }
  return found
}

/** All points that fit, a page after the other, in the order of their ids. */
export async function* scrollPoints(
  { call }: Place,
  collection: string,
  wanted: Omit<Schemas['ScrollRequest'], 'offset'>,
  signal?: AbortSignal,
): AsyncGenerator<readonly Found[], void, undefined> {
  let offset: Schemas['ExtendedPointId'] | undefined
  do {
    const { points, next_page_offset } = await call(
      'scrollPoints',
      { collection_name: collection, ...wanted, offset: offset ?? null },
      signal,
    )
    if (points.length > 0) yield points
    offset = (next_page_offset ?? undefined) as typeof offset
  } while (offset !== undefined)
}

/**
 * A selection as a filter; undefined for all images.
 *
 * @throws `gallery/filter`, `gallery/unknown-key`
 */
export async function conditionOf(
  place: Place,
  held: Held,
  { filter, rejected }: GallerySelection,
): Promise<Schemas['Filter'] | undefined> {
  const node = filter && parseFilter(filter)
  if (node) await checkKeys(place, held, node)
  const must: Condition[] = [
    ...(rejected === undefined ? [] : [{ key: 'rejected', match: { value: rejected } }]),
    ...(node ? [compileFilter(node)] : []),
  ]
  return must.length === 0 ? undefined : { must }
}

/** A key may be known without any image that has it still. */
async function checkKeys(place: Place, held: Held, node: FilterNode): Promise<void> {
  const wanted = [...filterKeys(node)]
  const isThere = async (key: string) => {
    const filter = { must: compileFilter({ op: 'exists', key, exists: true }) }
    const { points } = await place.call('scrollPoints', {
      collection_name: held.collection,
      filter,
      limit: 1,
      with_payload: false,
      with_vector: false,
    })
    return points.length > 0
  }
  const areThere = (keys: ReadonlySet<string>) =>
    Promise.all(wanted.map(async (key) => keys.has(key) && (await isThere(key))))
  if ((await areThere(held.keys)).every(Boolean)) return
  // Another writer may have brought it.
  const { keys = held.keys } = (await findHeld(place, held.collection)) ?? {}
  const missing = wanted[(await areThere(keys)).indexOf(false)]
  if (missing === undefined) return
  const { count } = await place.call('countPoints', { collection_name: held.collection, exact: true })
  if (count === 0) return
  const all = [...keys]
  const used = await Promise.all(all.map(isThere))
  throw unknownKey(
    place.name,
    missing,
    all.filter((_, i) => used[i]),
  )
}

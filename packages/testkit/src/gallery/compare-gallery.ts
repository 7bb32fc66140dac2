import {
  type Filter,
  type Gallery,
  type GalleryHit,
  type GalleryItem,
  galleryEntries,
  isLookalikeError,
  matchesFilter,
  parseFilter,
} from '@lookalike/core'
import { short } from '../compare.js'
import { rejection } from '../rejects.js'

type Report = (message: string) => void

/** An item as an entry, with its keys in one order. */
const entryText = (item: GalleryItem | undefined): string =>
  JSON.stringify(sorted(item && { rejected: false, ...item }))

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined)
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, sorted(inner)]))
}

/** Reports the first image that is not there as it should be, and any that should not be there. */
export async function compareEntries(gallery: Gallery, wanted: readonly GalleryItem[], report: Report): Promise<void> {
  const found = new Map((await galleryEntries(gallery, { limit: 50 })).map((entry) => [entry.id, entry]))
  const count = await gallery.count()
  if (count !== wanted.length) report(`count() is ${count}; expected: ${wanted.length}`)
  if (found.size !== wanted.length) report(`its pages hold ${found.size} images; expected: ${wanted.length}`)
  const got = await gallery.get(wanted.map(({ id }) => id))
  for (const [i, item] of wanted.entries()) {
    for (const [how, entry] of [
      ['get', got[i]],
      ['page', found.get(item.id)],
    ] as const) {
      if (entryText(entry) === entryText(item)) continue
      return report(`${how} gives ${entryText(entry)}; expected: ${entryText(item)}`)
    }
  }
}

export interface Wanted {
  readonly items: readonly GalleryItem[]
  /** The row of each item. */
  readonly vectorOf: (i: number) => ArrayLike<number>
  readonly filter?: Filter
  readonly includeRejected?: boolean
  readonly threshold?: number
}

/** Compares the hits of a query with all images compared; those as near as the last true one count as found. */
export function compareHits(
  hits: readonly GalleryHit[],
  query: ArrayLike<number>,
  k: number,
  wanted: Wanted,
  { recall, tolerance, exactCount = true }: { recall: number; tolerance: number; exactCount?: boolean },
  report: Report,
): void {
  const node = parseFilter(wanted.filter ?? {})
  const { threshold = Infinity, includeRejected = false } = wanted
  const all = wanted.items
    .flatMap((item, i) => {
      if ((item.rejected && !includeRejected) || !matchesFilter(item.metadata, node)) return []
      const vector = wanted.vectorOf(i)
      let product = 0
      for (let d = 0; d < vector.length; d++) product += vector[d]! * query[d]!
      return [{ id: item.id, distance: 1 - product }]
    })
    .sort((a, b) => a.distance - b.distance)
  const distances = new Map(all.map(({ id, distance }) => [id, distance]))
  const nearest = all.filter(({ distance }) => distance <= threshold).slice(0, k)
  if (exactCount && hits.length !== nearest.length)
    return report(`${hits.length} images were found; expected: ${nearest.length}`)
  if (new Set(hits.map(({ entry }) => entry.id)).size !== hits.length) return report('an image was found twice')
  let found = 0
  for (const [rank, { entry, distance }] of hits.entries()) {
    const real = distances.get(entry.id)
    if (real === undefined)
      return report(`${JSON.stringify(entry.id)} was found, which is not there, rejected, or does not fit the filter`)
    if (!(Math.abs(distance - real) <= tolerance))
      return report(
        `${JSON.stringify(entry.id)} is at the distance ${short(distance)}; 1 - inner product is ${short(real)}`,
      )
    if (rank > 0 && distance < hits[rank - 1]!.distance) return report(`distances fall at rank ${rank + 1}`)
    if (real <= (nearest.at(-1)?.distance ?? -Infinity) + tolerance) found++
  }
  if (nearest.length > 0 && found / nearest.length < recall)
    report(`${short(found / nearest.length)} of the nearest ${k} were found; claimed: ${recall}`)
}

/** Reports where work does not reject with an error of a code; gives the error where it does. */
export async function wantError(
  what: string,
  codes: string | readonly string[],
  work: () => unknown,
  report: Report,
): Promise<unknown> {
  const { rejected, reason } = await rejection(work)
  const wanted = [codes].flat()
  if (!rejected) report(`${what} was no error; expected: ${wanted.join(' or ')}`)
  else if (!wanted.some((code) => isLookalikeError(reason, code)))
    report(`${what} gave the error "${String(reason)}"; expected: ${wanted.join(' or ')}`)
  return reason
}

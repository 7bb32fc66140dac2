import path from 'node:path'
import { type Filter, type Gallery, LookalikeError, type Metadata } from '@lookalike/core'
import type { ServedGallery, ServedSelection } from './served-gallery.js'

/** A gallery of a folder as the service sees galleries. */
export function adaptGallery(gallery: Gallery): ServedGallery {
  const fits = ({ filter, rejected }: ServedSelection) => {
    return (entry: { metadata?: Metadata | undefined; rejected: boolean }) =>
      (rejected === undefined || entry.rejected === rejected) && (!filter || matches(entry.metadata, filter))
  }
  const list = (selection: ServedSelection = {}) => gallery.entries().filter(fits(selection))
  return {
    get space() {
      return gallery.space
    },
    get dim() {
      return gallery.dim
    },
    get root() {
      return gallery.root
    },
    base: path.resolve(gallery.folder),
    folder: path.resolve(gallery.folder),
    count: async (selection) => list(selection).length,
    get: async (ids) => ids.map((id) => gallery.get(id)),
    async page({ after, limit = 1000, ...selection } = {}) {
      const entries = list(selection)
      const start = after === undefined ? 0 : entries.findIndex(({ position }) => position > Number(after))
      const page = start < 0 ? [] : entries.slice(start, start + limit)
      const more = start >= 0 && start + limit < entries.length
      return { entries: page, ...(more && { next: String(page.at(-1)!.position) }) }
    },
    add: (items, vectors, options) => gallery.add(items, vectors, options),
    update: (changes) => gallery.update(changes),
    remove: (ids) => gallery.remove(ids),
    async search(queries, k, { filter, threshold = Infinity, includeRejected, signal } = {}) {
      const allow = filter && ((entry: { metadata?: Metadata | undefined }) => matches(entry.metadata, filter))
      const found = await gallery.search(queries, k, {
        signal,
        ...(includeRejected && { includeRejected }),
        ...(allow && { allow }),
      })
      return found.map((hits) => hits.filter(({ distance }) => distance <= threshold))
    },
    async vectors(ids) {
      const positions = ids.map((id) => {
        const entry = gallery.get(id)
        if (entry) return entry.position
        throw new LookalikeError(
          'gallery/unknown-id',
          { problem: `The gallery has no image ${JSON.stringify(id)}`, expected: 'the id of an image that is there' },
          { fields: { id } },
        )
      })
      return gallery.vectors(positions)
    },
    refresh: () => gallery.refresh(),
    close: () => gallery.close(),
  }
}

function matches(metadata: Metadata | undefined, filter: Filter): boolean {
  return Object.entries(filter as Record<string, unknown>).every(([key, wanted]) => {
    if (key === '$and') return (wanted as Filter[]).every((each) => matches(metadata, each))
    if (key === '$or') return (wanted as Filter[]).some((each) => matches(metadata, each))
    const value = metadata !== undefined && Object.hasOwn(metadata, key) ? metadata[key] : undefined
    if (Array.isArray(wanted)) return value !== undefined && wanted.includes(value)
    if (typeof wanted !== 'object' || wanted === null) return value === wanted
    const range = wanted as { exists?: boolean; gt?: number; gte?: number; lt?: number; lte?: number }
    if (range.exists !== undefined) return range.exists === (value !== undefined)
    return (
      typeof value === 'number' &&
      (range.gt === undefined || value > range.gt) &&
      (range.gte === undefined || value >= range.gte) &&
      (range.lt === undefined || value < range.lt) &&
      (range.lte === undefined || value <= range.lte)
    )
  })
}

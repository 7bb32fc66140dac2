import type { GalleryEntry } from './gallery.js'
import type { LogRecord } from './item-log.js'

/** The images that are there, by id and by position. */
export interface EntryTable {
  /** Images that are there. */
  readonly size: number
  readonly rejected: number
  get(id: string): GalleryEntry | undefined
  at(position: number): GalleryEntry | undefined
  list(): GalleryEntry[]
  apply(record: LogRecord): void
}

export function createEntryTable(): EntryTable {
  const byId = new Map<string, GalleryEntry>()
  const byPosition: (GalleryEntry | undefined)[] = []
  let rejected = 0
  const put = (entry: GalleryEntry | undefined, before: GalleryEntry | undefined) => {
    if (before) {
      byPosition[before.position] = undefined
      if (before.rejected) rejected--
    }
    if (entry) {
      byId.set(entry.id, entry)
      byPosition[entry.position] = entry
      if (entry.rejected) rejected++
    } else if (before) byId.delete(before.id)
  }
  return {
    get size() {
      return byId.size
    },
    get rejected() {
      return rejected
    },
    get: (id) => byId.get(id),
    at: (position) => byPosition[position],
    list: () => byPosition.filter((entry): entry is GalleryEntry => entry !== undefined),
    apply(record) {
      const before = byId.get(record.id)
      if (record.op === 'remove') return put(undefined, before)
      if (record.op === 'update') {
        const { op: _, ...change } = record
        if (before) put(Object.freeze({ ...before, ...change }), before)
        return
      }
      const { op: _, row, checks: __, ...item } = record
      put(Object.freeze({ ...item, rejected: item.rejected ?? false, position: row }), before)
    },
  }
}

import type { GalleryEntry } from '../gallery/gallery.js'
import type { LogRecord } from './change-log.js'

/** The images that are there, by id and by position. */
export interface EntryTable {
  /** Images that are there. */
  readonly size: number
  readonly rejected: number
  /** The folder that ids of image files start at, relative to the gallery. */
  readonly root: string
  /** Changes so far: what was made of the entries counts while this stays. */
  readonly version: number
  /** Positions that lost their image, in the order in which they did. */
  readonly vacated: readonly number[]
  get(id: string): GalleryEntry | undefined
  at(position: number): GalleryEntry | undefined
  list(): GalleryEntry[]
  /** Any image that is there. */
  first(): GalleryEntry | undefined
  /** A whole change; nobody sees a part of it. */
  apply(records: readonly LogRecord[]): void
}

export function createEntryTable(): EntryTable {
  const byId = new Map<string, GalleryEntry>()
  const byPosition: (GalleryEntry | undefined)[] = []
  const vacated: number[] = []
  let rejected = 0
  let root = '..'
  let version = 0

  const put = (entry: GalleryEntry | undefined, before: GalleryEntry | undefined) => {
    if (before?.rejected) rejected--
    if (before && before.position !== entry?.position) {
      byPosition[before.position] = undefined
      vacated.push(before.position)
    }
    if (entry) {
      byId.set(entry.id, entry)
      byPosition[entry.position] = entry
      if (entry.rejected) rejected++
    } else if (before) byId.delete(before.id)
  }

  const apply = (record: LogRecord) => {
    if (record.op === 'root') {
      root = record.root
      return
    }
    const before = byId.get(record.id)
    if (record.op === 'remove') return put(undefined, before)
    if (record.op === 'update') {
      const { op: _, ...change } = record
      if (before) put(Object.freeze({ ...before, ...change, rejected: change.rejected ?? before.rejected }), before)
      return
    }
    const { op: _, row, checks: __, ...item } = record
    put(Object.freeze({ ...item, rejected: item.rejected ?? false, position: row }), before)
  }

  return {
    get size() {
      return byId.size
    },
    get rejected() {
      return rejected
    },
    get root() {
      return root
    },
    get version() {
      return version
    },
    vacated,
    get: (id) => byId.get(id),
    at: (position) => byPosition[position],
    list: () => byPosition.filter((entry): entry is GalleryEntry => entry !== undefined),
    first: () => byId.values().next().value,
    apply(records) {
      for (const record of records) apply(record)
      version++
    },
  }
}

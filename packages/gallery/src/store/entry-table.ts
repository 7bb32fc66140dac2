import type { GalleryChange, GalleryEntry } from '@lookalike/core'
import type { LogRecord } from './change-log.js'
import { createSourceIndex, type SourceIndex } from './source-index.js'

/** The images that are there, by id, by position and by source. */
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
  positionOf(id: string): number | undefined
  at(position: number): GalleryEntry | undefined
  /** Of images that are there, rising. */
  positions(): number[]
  /** One past the last position. */
  readonly end: number
  withSource(source: string): GalleryEntry[]
  /** Any image that is there. */
  first(): GalleryEntry | undefined
  /** A whole change; nobody sees a part of it. */
  apply(records: readonly LogRecord[]): void
}

export function createEntryTable(): EntryTable {
  const byId = new Map<string, number>()
  const byPosition: (GalleryEntry | undefined)[] = []
  const vacated: number[] = []
  /** Made when it is first asked for. */
  let sources: SourceIndex | undefined
  let rejected = 0
  let root = '..'
  let version = 0

  const get = (id: string) => {
    const position = byId.get(id)
    return position === undefined ? undefined : byPosition[position]
  }

  const remove = (id: string) => {
    const position = byId.get(id)
    if (position === undefined) return
    const entry = byPosition[position]!
    if (entry.rejected) rejected--
    sources?.remove(entry)
    byPosition[position] = undefined
    byId.delete(id)
    return { entry, position }
  }

  const put = (entry: GalleryEntry, position: number) => {
    byId.set(entry.id, position)
    byPosition[position] = entry
    if (entry.rejected) rejected++
    sources?.add(entry)
  }

  const apply = (record: LogRecord) => {
    if (record.op === 'root') {
      root = record.root
      return
    }
    const before = remove(record.id)
    if (record.op === 'update') {
      if (before) {
        const { entry, position } = before
        put(changed(entry, record), position)
      }
      return
    }
    if (before) vacated.push(before.position)
    if (record.op === 'remove') return
    const { op: _, row, checks: __, ...item } = record
    put(Object.freeze({ ...item, rejected: item.rejected ?? false }), row)
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
    get,
    positionOf: (id) => byId.get(id),
    at: (position) => byPosition[position],
    positions: () => byPosition.flatMap((entry, position) => (entry ? [position] : [])),
    get end() {
      return byPosition.length
    },
    withSource(source) {
      sources ??= createSourceIndex(byPosition)
      return sources.idsOf(source).map((id) => get(id)!)
    },
    first: () => byPosition.find((entry) => entry !== undefined),
    apply(records) {
      for (const record of records) apply(record)
      version++
    },
  }
}

/** What a change says nothing of stays. */
const changed = (entry: GalleryEntry, change: GalleryChange): GalleryEntry =>
  Object.freeze({
    ...entry,
    metadata: change.metadata ?? entry.metadata,
    uncertainty: change.uncertainty ?? entry.uncertainty,
    rejected: change.rejected ?? entry.rejected,
    source: change.source ?? entry.source,
  })

import type { EntryTable } from '../store/entry-table.js'
import type { GallerySearchOptions } from './gallery.js'
import { checkFilter, checkFilterKeys, matchesFilter } from './matches-filter.js'

/** The rows that a search may find. */
export interface AllowedRows {
  readonly count: number
  /** Rising. */
  readonly positions: readonly number[]
  allows(position: number): boolean
  /** Their vectors, once they were read. */
  vectors?: Float32Array | undefined
}

/** Filters kept. */
const KEPT = 16

/** What filters leave of a gallery, remembered until the gallery changes. */
export interface RowFilters {
  /**
   * Undefined where every image may be found.
   *
   * @throws `gallery/filter`
   */
  of(search: GallerySearchOptions): AllowedRows | undefined
}

export function createRowFilters(entries: EntryTable): RowFilters {
  const kept = new Map<string, AllowedRows>()
  let version = -1

  const build = ({ filter, includeRejected = false, allow }: GallerySearchOptions): AllowedRows => {
    const known = new Set<string>()
    const positions: number[] = []
    for (const entry of entries.list()) {
      if (filter) for (const key of Object.keys(entry.metadata ?? {})) known.add(key)
      if (entry.rejected && !includeRejected) continue
      if (filter && !matchesFilter(entry.metadata, filter)) continue
      if (allow?.(entry) ?? true) positions.push(entry.position)
    }
    if (filter && entries.size > 0) checkFilterKeys(filter, known)
    const mask = new Uint8Array((positions.at(-1) ?? -1) + 1)
    for (const position of positions) mask[position] = 1
    return { count: positions.length, positions, allows: (position) => mask[position] === 1 }
  }

  return {
    of(search) {
      const { filter, includeRejected = false, allow } = search
      if (filter !== undefined) checkFilter(filter)
      if (!filter && !allow && (includeRejected || entries.rejected === 0)) return undefined
      if (allow) return build(search)
      if (version !== entries.version) kept.clear()
      version = entries.version
      const key = JSON.stringify([filter, includeRejected])
      const known = kept.get(key)
      if (known) return known
      const built = build(search)
      if (kept.size === KEPT) kept.delete(kept.keys().next().value!)
      kept.set(key, built)
      return built
    },
  }
}

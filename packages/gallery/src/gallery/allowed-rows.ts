import { type FilterNode, type GalleryEntry, type GallerySelection, matchesFilter, parseFilter } from '@lookalike/core'
import { filterKeys, unknownKey } from '@lookalike/core/gallery'
import type { EntryTable } from '../store/entry-table.js'

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
   * Undefined where every image fits.
   *
   * @throws `gallery/filter`, `gallery/unknown-key`
   */
  of(selection: GallerySelection): AllowedRows | undefined
}

/** @param gallery its name, for errors */
export function createRowFilters(gallery: string, entries: EntryTable): RowFilters {
  const kept = new Map<string, AllowedRows>()
  let version = -1

  const build = (node: FilterNode | undefined, rejected: boolean | undefined): AllowedRows => {
    const known = new Set<string>()
    const positions: number[] = []
    const fits = ({ metadata, rejected: out }: GalleryEntry) =>
      (rejected === undefined || out === rejected) && (!node || matchesFilter(metadata, node))
    for (const position of entries.positions()) {
      const entry = entries.at(position)!
      if (node) for (const key of Object.keys(entry.metadata ?? {})) known.add(key)
      if (fits(entry)) positions.push(position)
    }
    if (node && entries.size > 0)
      for (const key of filterKeys(node)) if (!known.has(key)) throw unknownKey(gallery, key, known)
    const mask = new Uint8Array((positions.at(-1) ?? -1) + 1)
    for (const position of positions) mask[position] = 1
    return { count: positions.length, positions, allows: (position) => mask[position] === 1 }
  }

  return {
    of({ filter, rejected }) {
      const node = filter && parseFilter(filter)
      if (!node && (rejected === undefined || (!rejected && entries.rejected === 0))) return undefined
      if (version !== entries.version) kept.clear()
      version = entries.version
      const key = JSON.stringify([node, rejected])
      const known = kept.get(key)
      if (known) return known
      const built = build(node, rejected)
      if (kept.size === KEPT) kept.delete(kept.keys().next().value!)
      kept.set(key, built)
      return built
    },
  }
}

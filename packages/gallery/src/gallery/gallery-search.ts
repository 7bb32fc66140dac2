import {
  assertComparable,
  createEmbeddings,
  createRanking,
  type Embeddings,
  type OperationOptions,
  type Ranking,
  selectRows,
} from '@lookalike/core'
import { createBlockSearcher } from '../exact/block-searcher.js'
import { checkK } from '../exact/row-blocks.js'
import type { EntryTable } from '../store/entry-table.js'
import type { Store } from '../store/store.js'
import { type AllowedRows, createRowFilters } from './allowed-rows.js'
import { createExactComparison } from './exact-comparison.js'
import type { GalleryHit, GallerySearchOptions } from './gallery.js'
import type { GalleryIndex } from './gallery-index.js'

/** A search in fewer allowed images than this, and fewer than half of the gallery, compares exactly those, whatever the engine. */
const FEW = 16_384
/** How often a search begins again because images went while it ran. */
const ATTEMPTS = 10

/** How a gallery is searched: by the engine, or exactly where few images are allowed or the engine found too few. */
export interface GallerySearch {
  rank(queries: Embeddings, k: number, options?: GallerySearchOptions): Promise<Ranking[]>
  search(queries: Embeddings, k: number, options?: GallerySearchOptions): Promise<GalleryHit[][]>
  dispose(): Promise<void>
}

interface Searched {
  readonly entries: EntryTable
  readonly store: Store
  readonly index: GalleryIndex
  vectors(positions: readonly number[]): Promise<Embeddings>
}

export function createGallerySearch({ entries, store, index, vectors }: Searched): GallerySearch {
  const { space, dim } = store.manifest
  const filters = createRowFilters(entries)
  const searcher = createBlockSearcher(dim)
  const exactly = createExactComparison(searcher, vectors)

  /** A graph may not reach everything: what it found too little of is looked for exactly. */
  async function complete(
    rankings: Ranking[],
    queries: Embeddings,
    k: number,
    allowed: AllowedRows | undefined,
    rest: OperationOptions,
  ): Promise<Ranking[]> {
    const wanted = Math.min(k, allowed ? allowed.count : entries.size)
    const short = rankings.flatMap(({ positions }, row) => (positions.length < wanted ? [row] : []))
    if (short.length === 0) return rankings
    const positions = allowed?.positions ?? entries.list().map(({ position }) => position)
    const found = await exactly.compareAll(selectRows(queries, short), k, positions, rest)
    for (const [i, row] of short.entries()) rankings[row] = found[i]!
    return rankings
  }

  async function rankNow(queries: Embeddings, k: number, search: GallerySearchOptions): Promise<Ranking[]> {
    const rest: OperationOptions = { signal: search.signal, onProgress: search.onProgress }
    rest.signal?.throwIfAborted()
    const allowed = filters.of(search)
    if (allowed?.count === 0)
      return Array.from({ length: queries.rows }, () => createRanking(new Int32Array(), new Float32Array()))
    if (allowed && allowed.count < FEW && allowed.count < entries.size / 2)
      return exactly.compareAllowed(queries, k, allowed, rest)
    const found = await index.search(queries, k, { ...rest, allow: allowed?.allows })
    return complete([...found], queries, k, allowed, rest)
  }

  /** Images may go while it runs: then what was found is no longer what is there, and it begins again. */
  async function rank(given: Embeddings, k: number, search: GallerySearchOptions = {}): Promise<Ranking[]> {
    checkK(k)
    assertComparable(given, { space, dim, role: 'query' })
    const queries = createEmbeddings({ ...given })
    for (let attempt = 1; ; attempt++) {
      const { version } = entries
      try {
        const rankings = await rankNow(queries, k, search)
        if (attempt === ATTEMPTS || rankings.every(isThere)) return rankings
      } catch (error) {
        if (version === entries.version || attempt === ATTEMPTS) throw error
      }
    }
  }

  const isThere = ({ positions }: Ranking) => positions.every((position) => entries.at(position) !== undefined)

  return {
    rank,
    async search(queries, k, search) {
      for (let attempt = 1; ; attempt++) {
        const rankings = await rank(queries, k, search)
        if (attempt < ATTEMPTS && !rankings.every(isThere)) continue
        const hits = rankings.map(({ positions, distances }) =>
          Array.from(positions, (position, i) => ({ entry: entries.at(position), distance: distances[i]! })).filter(
            (hit): hit is GalleryHit => hit.entry !== undefined,
          ),
        )
        if (!rankings.every(isThere))
          search?.onWarning?.({
            code: 'gallery/short-list',
            message:
              'Images were removed again and again while this search ran: its lists are shorter than they could be.',
            fields: { k },
          })
        return hits
      }
    },
    dispose: () => searcher.dispose(),
  }
}

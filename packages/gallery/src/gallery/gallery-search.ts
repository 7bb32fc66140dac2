import {
  createRanking,
  type Embeddings,
  type GalleryHit,
  type GallerySearchOptions,
  type OperationOptions,
  type Ranking,
  selectRows,
} from '@lookalike/core'
import { checkQueries } from '@lookalike/core/gallery'
import { createBlockSearcher } from '../exact/block-searcher.js'
import type { EntryTable } from '../store/entry-table.js'
import type { Store } from '../store/store.js'
import type { AllowedRows, RowFilters } from './allowed-rows.js'
import { createExactComparison } from './exact-comparison.js'
import { galleryHits } from './gallery-hits.js'
import type { GalleryIndex } from './gallery-index.js'

/** A search in fewer allowed images than this, and fewer than half of the gallery, compares exactly those, whatever the engine. */
const FEW = 16_384
/** How often a search begins again because images went while it ran. */
const ATTEMPTS = 10

/** How a gallery is searched: by the engine, or exactly where few images are allowed or the engine found too few. */
export interface GallerySearch {
  search(queries: Embeddings, k: number, options?: GallerySearchOptions): Promise<GalleryHit[][]>
  dispose(): Promise<void>
}

interface Searched {
  readonly filters: RowFilters
  readonly entries: EntryTable
  readonly store: Store
  readonly index: GalleryIndex
  vectors(positions: readonly number[]): Promise<Embeddings>
}

export function createGallerySearch({ filters, entries, store, index, vectors }: Searched): GallerySearch {
  const searcher = createBlockSearcher(store.manifest.dim)
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
    const positions = allowed?.positions ?? entries.positions()
    const found = await exactly.compareAll(selectRows(queries, short), k, positions, rest)
    for (const [i, row] of short.entries()) rankings[row] = found[i]!
    return rankings
  }

  async function rankNow(queries: Embeddings, k: number, search: GallerySearchOptions): Promise<Ranking[]> {
    const rest: OperationOptions = { signal: search.signal, onProgress: search.onProgress }
    rest.signal?.throwIfAborted()
    const allowed = filters.of({ filter: search.filter, rejected: search.includeRejected ? undefined : false })
    if (allowed?.count === 0)
      return Array.from({ length: queries.rows }, () => createRanking(new Int32Array(), new Float32Array()))
    if (allowed && allowed.count < FEW && allowed.count < entries.size / 2)
      return exactly.compareAllowed(queries, k, allowed, rest)
    const found = await index.search(queries, k, { ...rest, allow: allowed?.allows })
    return complete([...found], queries, k, allowed, rest)
  }

  /** Images may go while it runs: then what was found is no longer what is there, and it begins again. */
  async function rank(given: Embeddings, k: number, search: GallerySearchOptions = {}): Promise<Ranking[]> {
    const queries = checkQueries(store.manifest, given, k)
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
    async search(queries, k, search = {}) {
      const { threshold = Infinity, withVectors = false } = search
      for (let attempt = 1; ; attempt++) {
        const { version } = entries
        const rankings = (await rank(queries, k, search)).map((ranking) => within(ranking, threshold))
        if (attempt < ATTEMPTS && !rankings.every(isThere)) continue
        try {
          const hits = await galleryHits(rankings, entries, withVectors ? vectors : undefined)
          if (hits.some((list, row) => list.length < rankings[row]!.positions.length))
            search.onWarning?.({
              code: 'gallery/short-list',
              message:
                'Images were removed again and again while this search ran: its lists are shorter than they could be.',
              fields: { k },
            })
          return hits
        } catch (error) {
          if (version === entries.version || attempt === ATTEMPTS) throw error
        }
      }
    },
    dispose: () => searcher.dispose(),
  }
}

function within(ranking: Ranking, threshold: number): Ranking {
  const { positions, distances } = ranking
  const count = distances.findIndex((distance) => distance > threshold)
  return count < 0 ? ranking : createRanking(positions.slice(0, count), distances.slice(0, count))
}

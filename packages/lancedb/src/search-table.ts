import type { Table } from '@lancedb/lancedb'
import { type Embeddings, type GalleryHit, type GallerySearchOptions, rowOf } from '@lookalike/core'
import { matrixData } from './arrow.js'
import { type Held, vectorColumn } from './held.js'
import { conditionOf } from './lance-table.js'
import { loadLance } from './load-lance.js'
import { entriesOf, entryColumns } from './rows.js'

/** Candidates of the index at least. */
const MIN_CANDIDATES = 200
/** Candidates that are compared as they are kept, for each image that is wanted: indexes hold few bits a value. */
const REFINED = 10
/** Images of a cluster; a search looks into 20 clusters. */
const CLUSTER = 4096
/** Images that PQ is trained on at least. */
const MIN_TRAINED = 256
/** In fewer dimensions, a bit or half a byte a value tells too little. */
const MIN_COMPRESSED = 64
/** Queries under way at a time. */
const AT_ONCE = 4

export type IndexKind = 'ivf' | 'hnsw'

/** The columns that have an index. */
export async function indexedColumns(table: Table): Promise<ReadonlySet<string>> {
  return new Set((await table.listIndices()).flatMap(({ columns }) => columns))
}

/** Makes the indexes where there are images enough, and brings those that are there up to date. */
export async function buildIndex(table: Table, held: Held, kind: IndexKind, exactBelow: number): Promise<void> {
  const { Index } = await loadLance()
  const column = vectorColumn(held.generation)
  const there = await indexedColumns(table)
  if (!there.has('id')) await table.createIndex('id', { config: Index.btree() })
  const rows = await table.countRows()
  if (!there.has(column) && rows >= Math.max(exactBelow, MIN_TRAINED)) {
    // Neither HNSW_SQ nor IVF_RQ: with inner products, LanceDB 0.30 ranks wrongly by them.
    const how = { distanceType: 'dot', numPartitions: Math.max(1, Math.round(rows / CLUSTER)) } as const
    const compressed = { ...how, numSubVectors: held.dim / 8 }
    const config =
      held.dim % 8 > 0 || held.dim < MIN_COMPRESSED
        ? Index.ivfFlat(how)
        : kind === 'ivf'
          ? Index.ivfPq(compressed)
          : Index.hnswPq(compressed)
    await table.createIndex(column, { config })
  }
  await table.optimize()
}

/**
 * The nearest images of each query. A query for which the index finds too few is compared with everything that fits.
 *
 * @throws `gallery/filter`, `gallery/unknown-key`
 */
export async function searchTable(
  table: Table,
  name: string,
  held: Held,
  queries: Embeddings,
  k: number,
  { filter, threshold = Infinity, includeRejected = false, withVectors = false, signal }: GallerySearchOptions,
): Promise<GalleryHit[][]> {
  const condition = await conditionOf(table, name, held, { filter, rejected: includeRejected ? undefined : false })
  const column = vectorColumn(held.generation)
  const indexed = (await indexedColumns(table)).has(column)
  const columns = [...entryColumns(held), '_distance', ...(withVectors ? [column] : [])]

  const nearest = async (row: number, walk: boolean) => {
    const query = table.query().nearestTo(rowOf(queries, row)).column(column).distanceType('dot')
    if (condition !== undefined) query.where(condition)
    if (walk) query.ef(Math.max(MIN_CANDIDATES, 2 * k)).refineFactor(REFINED)
    else query.bypassVectorIndex()
    return query.limit(k).select(columns).toArrow()
  }
  const search = async (row: number): Promise<GalleryHit[]> => {
    let rows = await nearest(row, indexed)
    if (indexed && rows.numRows < k) rows = await nearest(row, false)
    const distances = rows.getChild('_distance')
    const vectors = withVectors ? matrixData(rows, column, held.dim) : undefined
    const entries = entriesOf(rows, held)
    return entries
      .map((entry, i) => ({
        entry,
        distance: Number(distances?.get(i)),
        ...(vectors && { vector: vectors.slice(i * held.dim, (i + 1) * held.dim) }),
      }))
      .filter(({ distance }) => distance <= threshold)
      .sort((a, b) => a.distance - b.distance)
  }

  const found: GalleryHit[][] = []
  for (let from = 0; from < queries.rows; from += AT_ONCE) {
    signal?.throwIfAborted()
    const rows = Array.from({ length: Math.min(AT_ONCE, queries.rows - from) }, (_, i) => from + i)
    found.push(...(await Promise.all(rows.map(search))))
  }
  return found
}

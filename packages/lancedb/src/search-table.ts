import type { Table } from '@lancedb/lancedb'
import { type Embeddings, type GalleryHit, type GallerySearchOptions, rowOf } from '@lookalike/core'
import type { Table as Rows } from 'apache-arrow'
import { matrixData } from './arrow.js'
import { type Held, vectorColumn } from './held.js'
import { conditionOf } from './lance-table.js'
import { loadLance } from './load-lance.js'
import { entriesOf, entryColumns } from './rows.js'

/** Clusters of so few images tell nothing. */
const MIN_INDEXED = 256
/** Queries under way at a time. */
const AT_ONCE = 4

export interface SearchSettings {
  /** Up to this many images, or images that fit a filter, are all compared. */
  readonly exactBelow: number
  /** The share of the clusters that a search looks into. */
  readonly probed: number
}

/** What a version of the table has that searches depend on. */
interface Prepared {
  readonly version: number
  readonly indexed: ReadonlySet<string>
  readonly rows: number
  readonly anyRejected: boolean
}

/** Half of what is usual: found in half the time, and a search reads fewer pieces for the same recall. */
const clustersOf = (rows: number) => Math.max(1, Math.round(Math.sqrt(rows) / 2))

/** Makes the indexes where there are images enough, and brings those that are there up to date. */
export async function buildIndex(table: Table, held: Held, { exactBelow }: SearchSettings): Promise<void> {
  const { Index } = await loadLance()
  const column = vectorColumn(held.generation)
  const there = await indexedColumns(table)
  for (const each of ['id', ...held.columns])
    if (!there.has(each)) await table.createIndex(each, { config: Index.btree() })
  const rows = await table.countRows()
  // Compressed vectors rank wrongly by inner products in LanceDB 0.30, or so coarsely that the candidates they leave miss half of the nearest.
  if (!there.has(column) && rows >= Math.max(exactBelow, MIN_INDEXED))
    await table.createIndex(column, { config: Index.ivfFlat({ distanceType: 'dot', numPartitions: clustersOf(rows) }) })
  await table.optimize()
}

async function indexedColumns(table: Table): Promise<ReadonlySet<string>> {
  return new Set((await table.listIndices()).flatMap(({ columns }) => columns))
}

export interface TableSearch {
  /**
   * The nearest images of each query. A query for which the index finds too few is compared with everything that fits.
   *
   * @throws `gallery/filter`, `gallery/unknown-key`
   */
  search(held: Held, queries: Embeddings, k: number, options: GallerySearchOptions): Promise<GalleryHit[][]>
}

export function createTableSearch(table: Table, name: string, { exactBelow, probed }: SearchSettings): TableSearch {
  let prepared: Prepared | undefined

  const prepare = async (): Promise<Prepared> => {
    const version = await table.version()
    if (prepared?.version === version) return prepared
    const [indexed, rows, rejected] = await Promise.all([
      indexedColumns(table),
      table.countRows(),
      table.query().where('rejected').select(['id']).limit(1).toArrow(),
    ])
    prepared = { version, indexed, rows, anyRejected: rejected.numRows > 0 }
    return prepared
  }

  return {
    async search(held, queries, k, options) {
      const { filter, threshold = Infinity, includeRejected = false, withVectors = false, signal } = options
      const { indexed, rows, anyRejected } = await prepare()
      // To leave out none, every search would read the column.
      const rejected = includeRejected || !anyRejected ? undefined : false
      const condition = await conditionOf(table, name, held, { filter, rejected })
      const fitting = filter ? await table.countRows(condition) : rows
      const all = Math.max(1, rows)
      const some = fitting < exactBelow ? all : Math.ceil(clustersOf(rows) * probed)
      const column = vectorColumn(held.generation)
      const columns = [...entryColumns(held), '_distance', ...(withVectors ? [column] : [])]

      /** Without an index all are compared, as with all of its clusters, of which there are fewer than images. */
      const nearest = (row: number, clusters: number) => {
        const query = table.query().nearestTo(rowOf(queries, row)).column(column).distanceType('dot')
        if (condition !== undefined) query.where(condition)
        if (indexed.has(column)) query.nprobes(clusters)
        return query.limit(k).select(columns).toArrow()
      }
      const search = async (row: number) => {
        let hits = await nearest(row, some)
        if (hits.numRows < Math.min(k, fitting)) hits = await nearest(row, all)
        return hitsOf(hits, held, withVectors ? column : undefined).filter(({ distance }) => distance <= threshold)
      }

      const found: GalleryHit[][] = []
      for (let from = 0; from < queries.rows; from += AT_ONCE) {
        signal?.throwIfAborted()
        const part = Array.from({ length: Math.min(AT_ONCE, queries.rows - from) }, (_, i) => from + i)
        found.push(...(await Promise.all(part.map(search))))
      }
      return found
    },
  }
}

function hitsOf(rows: Rows, held: Held, vectors: string | undefined): GalleryHit[] {
  const distances = rows.getChild('_distance')
  const matrix = vectors === undefined ? undefined : matrixData(rows, vectors, held.dim)
  return entriesOf(rows, held)
    .map((entry, i) => ({
      entry,
      distance: Number(distances?.get(i)),
      vector: matrix?.slice(i * held.dim, (i + 1) * held.dim),
    }))
    .sort((a, b) => a.distance - b.distance)
}

import type { Embeddings, GalleryHit, GallerySearchOptions } from '@lookalike/core'
import { rowOf } from '@lookalike/core'
import { readVector } from './binary-vectors.js'
import { type Database, quoted, type Row, type Session } from './database.js'
import type { SearchPlace } from './gallery-place.js'
import { conditionOf, createValues, ENTRY, entryOf } from './gallery-table.js'
import { type Held, indexName, vectorColumn } from './schema.js'

/** Above, pgvector's indexes take `halfvec` only, and above that nothing. */
const MAX_DIM = 2000
const MAX_HALF_DIM = 4000
/** Candidates of the graph at least, and at most as pgvector has it. */
const MIN_CANDIDATES = 100
const MAX_CANDIDATES = 1000

/** The expression that is indexed, or undefined where pgvector cannot. */
function indexed({ half }: SearchPlace, { generation, dim }: Held): { value: string; type: string } | undefined {
  const column = vectorColumn(generation)
  if (!half && dim <= MAX_DIM) return { value: column, type: 'vector' }
  return dim <= MAX_HALF_DIM ? { value: `(${column}::halfvec(${dim}))`, type: `halfvec` } : undefined
}

const hnswName = ({ table }: SearchPlace, { generation }: Held) => `${table}_hnsw_${generation}`

/** Makes the graph, where there are images enough for it and none is there. */
export async function buildIndex(
  database: Database,
  place: SearchPlace,
  held: Held,
  exactBelow: number,
  signal?: AbortSignal,
): Promise<void> {
  const index = indexed(place, held)
  if (!index || (await hasIndex(database, place, held))) return
  const [row] = await database.query(`SELECT count(*)::float8 AS count FROM ${quoted(place.table)}`, [])
  if (Number(row?.['count']) < exactBelow) return
  const name = indexName(place.table, `hnsw_${held.generation}`)
  await database.query(
    `CREATE INDEX IF NOT EXISTS ${name} ON ${quoted(place.table)} USING hnsw (${index.value} ${index.type}_ip_ops)`,
    undefined,
    signal,
  )
}

async function hasIndex(session: Session, place: SearchPlace, held: Held): Promise<boolean> {
  const [row] = await session.query('SELECT to_regclass($1::text) IS NOT NULL AS there', [
    quoted(hnswName(place, held)),
  ])
  return row?.['there'] === true
}

/**
 * The nearest images of each query. With the graph, a query for which it finds too few is compared with everything that fits.
 *
 * @param exactBelow up to this many images that fit a filter are all compared
 * @throws `gallery/filter`, `gallery/unknown-key`
 */
export function searchTable(
  database: Database,
  place: SearchPlace,
  held: Held,
  queries: Embeddings,
  k: number,
  exactBelow: number,
  { filter, threshold = Infinity, includeRejected, withVectors, signal }: GallerySearchOptions,
): Promise<GalleryHit[][]> {
  return database.transaction(async (session) => {
    const { values, bind } = createValues()
    const selection = { filter, rejected: includeRejected ? undefined : false }
    const where = `FROM ${quoted(place.table)} WHERE ${await conditionOf(session, place.name, place.table, selection, bind)}`
    const index = (await hasIndex(session, place, held)) ? indexed(place, held) : undefined
    const graph = index && (!filter || (await fitsMany(session, where, values, exactBelow))) ? index : undefined
    const vector = `$${values.length + 1}::text`
    const own = vectorColumn(held.generation)
    const statement = (value: string, type: string) => `
      SELECT ${ENTRY}, (${own} <#> ${vector}::vector(${held.dim})) AS product
        ${withVectors ? `, vector_send(${own}) AS own` : ''}
      ${where} ORDER BY ${value} <#> ${vector}::${type}(${held.dim}) LIMIT $${values.length + 2}::int`
    // A plan for any values would read the query's vector from its text for each row, and not know of changed settings.
    await session.query('SET LOCAL plan_cache_mode = force_custom_plan')
    if (graph) await setUpGraph(session, k)

    const found: GalleryHit[][] = []
    for (let i = 0; i < queries.rows; i++) {
      signal?.throwIfAborted()
      const all = [...values, `[${rowOf(queries, i).join(',')}]`, k]
      if (graph) await session.query(planned(true))
      let rows = graph ? await session.query(statement(graph.value, graph.type), all) : []
      if (rows.length < k) {
        await session.query(planned(false))
        rows = await session.query(statement(own, 'vector'), all)
      }
      found.push(rows.map((row) => hitOf(row, held.dim)).sort((a, b) => a.distance - b.distance))
    }
    return found.map((hits) => hits.filter(({ distance }) => distance <= threshold))
  }, signal)
}

/** PostgreSQL guesses how many images fit from statistics that know little of jsonb: half of them are taken for a few. So they are counted. */
async function fitsMany(session: Session, where: string, values: readonly unknown[], limit: number): Promise<boolean> {
  const count = `SELECT count(*)::float8 AS count FROM (SELECT ${where} LIMIT $${values.length + 1}::text::bigint) AS fitting`
  const [row] = await session.query(count, [...values, String(Math.min(limit, Number.MAX_SAFE_INTEGER))])
  return Number(row?.['count']) >= limit
}

/** Whether the next statements walk the graph, and do nothing else, or leave it out. */
const planned = (graph: boolean) =>
  graph
    ? 'SET LOCAL enable_indexscan = on; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off'
    : 'SET LOCAL enable_indexscan = off; SET LOCAL enable_seqscan = on; SET LOCAL enable_bitmapscan = on'

async function setUpGraph(session: Session, k: number): Promise<void> {
  const candidates = Math.min(MAX_CANDIDATES, Math.max(MIN_CANDIDATES, 2 * k))
  await session.query(`SET LOCAL hnsw.ef_search = ${candidates}`)
  const [extension] = await session.query(`SELECT extversion FROM pg_extension WHERE extname = 'vector'`, [])
  const [major = 0, minor = 0] = String(extension?.['extversion']).split('.').map(Number)
  // Hits are sorted in the end.
  if (major > 0 || minor >= 8) await session.query('SET LOCAL hnsw.iterative_scan = relaxed_order')
}

/** `<#>` is the negative inner product. */
function hitOf(row: Row, dim: number): GalleryHit {
  const hit = { entry: entryOf(row), distance: 1 + Number(row['product']) }
  if (row['own'] === undefined) return hit
  const vector = new Float32Array(dim)
  readVector(row['own'] as Uint8Array, vector)
  return { ...hit, vector }
}

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
/** A walk with a filter ends with what fits of the last candidates, more or less in order: more of both are asked for than are wanted. */
const MIN_FILTERED_CANDIDATES = 200
const FILTERED = 2
const MAX_CANDIDATES = 1000
/** So many images that fit a filter are compared in the time of a walk; to count more of them would take longer than either. */
const MANY = 2000
/** An image's links in the graph, while it is made; our measure, rounded up. */
const LINK_BYTES = 1800
/** Of memory that making a graph asks for at most. */
const MAX_BUILD_BYTES = 1 << 30

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
  if (!index || (await lookAt(database, place, held)).there) return
  const [row] = await database.query(`SELECT count(*)::float8 AS count FROM ${quoted(place.table)}`, [])
  const rows = Number(row?.['count'])
  if (rows < exactBelow) return
  const name = indexName(place.table, `hnsw_${held.generation}`)
  const create = `CREATE INDEX IF NOT EXISTS ${name} ON ${quoted(place.table)} USING hnsw (${index.value} ${index.type}_ip_ops)`
  const bytes = Math.min(MAX_BUILD_BYTES, rows * (held.dim * 4 + LINK_BYTES))
  const build = (settings: string) =>
    database.transaction(async (session) => {
      await session.query(`SELECT set_config('maintenance_work_mem', greatest(pg_size_bytes(current_setting('maintenance_work_mem')),
        ${bytes}) / 1024 || 'kB', true)${settings}`)
      await session.query(create)
    }, signal)
  try {
    await build('')
  } catch (error) {
    // Several processes share that memory, of which a container has little.
    if (!/shared memory/.test(String(error)) || signal?.aborted) throw error
    await build(`, set_config('max_parallel_maintenance_workers', '0', true)`)
  }
}

/** Whether the graph is there, and whether pgvector walks on in it where a filter leaves too few. */
async function lookAt(session: Session, place: SearchPlace, held: Held): Promise<{ there: boolean; walksOn: boolean }> {
  const [row] = await session.query(
    `SELECT to_regclass($1::text) IS NOT NULL AS there,
       (SELECT extversion FROM pg_extension WHERE extname = 'vector') AS version`,
    [quoted(hnswName(place, held))],
  )
  const [major = 0, minor = 0] = String(row?.['version']).split('.').map(Number)
  return { there: row?.['there'] === true, walksOn: major > 0 || minor >= 8 }
}

/**
 * The nearest images of each query. With the graph, a query for which it finds too few is compared with everything that fits.
 *
 * @param exactBelow up to this many images that fit a filter, and 2,000 at most, are all compared
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
    const { there, walksOn } = await lookAt(session, place, held)
    const index = there ? indexed(place, held) : undefined
    const graph =
      index && (!filter || (await fitsMany(session, where, values, Math.min(exactBelow, MANY)))) ? index : undefined
    const vector = `$${values.length + 1}::text`
    const own = vectorColumn(held.generation)
    const statement = (value: string, type: string) => `
      SELECT ${ENTRY}, (${own} <#> ${vector}::vector(${held.dim})) AS product
        ${withVectors ? `, vector_send(${own}) AS own` : ''}
      ${where} ORDER BY ${value} <#> ${vector}::${type}(${held.dim}) LIMIT $${values.length + 2}::int`
    await session.query(
      [
        ...(graph ? graphSettings(k, filter !== undefined, walksOn) : []),
        CUSTOM_PLAN,
        planned(graph !== undefined),
      ].join('; '),
    )

    const found: GalleryHit[][] = []
    for (let i = 0; i < queries.rows; i++) {
      signal?.throwIfAborted()
      const all = [...values, `[${rowOf(queries, i).join(',')}]`]
      let rows = graph
        ? await session.query(statement(graph.value, graph.type), [...all, filter ? FILTERED * k : k])
        : []
      if (rows.length < k) {
        if (graph) await session.query(planned(false))
        rows = await session.query(statement(own, 'vector'), [...all, k])
        if (graph) await session.query(planned(true))
      }
      const hits = rows.map((row) => hitOf(row, held.dim)).sort((a, b) => a.distance - b.distance)
      found.push(hits.slice(0, k))
    }
    return found.map((hits) => hits.filter(({ distance }) => distance <= threshold))
  }, signal)
}

/** PostgreSQL guesses how many images fit from statistics that know little of jsonb: half of them are taken for a few. So they are counted. */
async function fitsMany(session: Session, where: string, values: readonly unknown[], limit: number): Promise<boolean> {
  const count = `SELECT count(*)::float8 AS count FROM (SELECT ${where} LIMIT $${values.length + 1}::text::bigint) AS fitting`
  const [row] = await session.query(count, [...values, String(limit)])
  return Number(row?.['count']) >= limit
}

/** Whether the next statements walk the graph, and do nothing else, or leave it out. */
const planned = (graph: boolean) =>
  graph
    ? 'SET LOCAL enable_indexscan = on; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off'
    : 'SET LOCAL enable_indexscan = off; SET LOCAL enable_seqscan = on; SET LOCAL enable_bitmapscan = on'

/** A plan for any values would read the query's vector from its text for each row, and not know of changed settings. */
const CUSTOM_PLAN = 'SET LOCAL plan_cache_mode = force_custom_plan'

/** Hits are sorted in the end: the order in which they are found is free. */
const graphSettings = (k: number, filtered: boolean, walksOn: boolean) => [
  `SET LOCAL hnsw.ef_search = ${Math.min(MAX_CANDIDATES, Math.max(filtered ? MIN_FILTERED_CANDIDATES : MIN_CANDIDATES, 2 * k))}`,
  ...(walksOn ? ['SET LOCAL hnsw.iterative_scan = relaxed_order'] : []),
]

/** `<#>` is the negative inner product. */
function hitOf(row: Row, dim: number): GalleryHit {
  const hit = { entry: entryOf(row), distance: 1 + Number(row['product']) }
  if (row['own'] === undefined) return hit
  const vector = new Float32Array(dim)
  readVector(row['own'] as Uint8Array, vector)
  return { ...hit, vector }
}

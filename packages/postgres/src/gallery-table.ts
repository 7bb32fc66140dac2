import type { Embeddings, GalleryEntry, GalleryItem, GallerySelection, GalleryVectors } from '@lookalike/core'
import { createEmbeddings, type FilterNode, isLookalikeError, LookalikeError, parseFilter } from '@lookalike/core'
import { checkVectors, filterKeys, unknownKey } from '@lookalike/core/gallery'
import { readVector, vectorArray } from './binary-vectors.js'
import { type Bind, compileFilter } from './compile-filter.js'
import { quoted, type Row, type Session } from './database.js'
import { type Held, memberColumn, vectorColumn } from './schema.js'

/** Of vectors in one statement. */
const STATEMENT_BYTES = 4 << 20

export const ENTRY = 'id, hash, metadata, uncertainty, rejected, source, box'

/** Values of a statement, in the order in which they were bound. */
export function createValues(): { readonly values: unknown[]; readonly bind: Bind } {
  const values: unknown[] = []
  return { values, bind: (value) => `$${values.push(value)}` }
}

export function entryOf(row: Row): GalleryEntry {
  const { id, hash, metadata, uncertainty, rejected, source, box } = row as unknown as Record<keyof GalleryEntry, never>
  return {
    id,
    hash,
    rejected,
    metadata: metadata ?? undefined,
    uncertainty: uncertainty ?? undefined,
    source: source ?? undefined,
    box: box ?? undefined,
  }
}

/** Columns with the vectors that were asked for: `own`, and `member_0` and so on. */
export function vectorColumns(held: Held, { own = false, members = false }): string {
  const columns = own ? [`vector_send(${vectorColumn(held.generation)}) AS own`] : []
  if (members) columns.push(...held.members.map((_, i) => `vector_send(${memberColumn(i)}) AS ${memberColumn(i)}`))
  return columns.map((column) => `, ${column}`).join('')
}

export function matrixOf(rows: readonly Row[], column: string, space: string, dim: number): Embeddings<'gallery'> {
  const data = new Float32Array(rows.length * dim)
  rows.forEach((row, i) => readVector(row[column] as Uint8Array, data.subarray(i * dim, (i + 1) * dim)))
  return createEmbeddings({ data, rows: rows.length, dim, space, role: 'gallery' })
}

export const membersOf = (held: Held, rows: readonly Row[]): Record<string, Embeddings<'gallery'>> =>
  Object.fromEntries(held.members.map(({ name, space, dim }, i) => [name, matrixOf(rows, memberColumn(i), space, dim)]))

/**
 * A selection as a condition.
 *
 * @throws `gallery/filter`, `gallery/unknown-key`
 */
export async function conditionOf(
  session: Session,
  name: string,
  table: string,
  { filter, rejected }: GallerySelection,
  bind: Bind,
): Promise<string> {
  const node = parseFilter(filter ?? {})
  await checkKeys(session, name, table, node)
  const condition = compileFilter(node, bind)
  return rejected === undefined ? condition : `${condition} AND ${rejected ? '' : 'NOT '}rejected`
}

/** Each key is looked up in the index; only an unknown one costs a walk through all. */
async function checkKeys(session: Session, name: string, table: string, node: FilterNode): Promise<void> {
  const keys = [...filterKeys(node)]
  if (keys.length === 0) return
  const { values, bind } = createValues()
  const known = keys.map((key, i) => {
    const condition = compileFilter({ op: 'exists', key, exists: true }, bind)
    return `EXISTS (SELECT FROM ${quoted(table)} WHERE ${condition}) AS k${i}`
  })
  const empty = `NOT EXISTS (SELECT FROM ${quoted(table)}) AS empty`
  const [row] = await session.query(`SELECT ${[empty, ...known].join(', ')}`, values)
  const missing = keys.find((_, i) => !row?.[`k${i}`])
  if (missing === undefined || row?.['empty']) return
  const all = await session.query(`SELECT DISTINCT jsonb_object_keys(metadata) AS key FROM ${quoted(table)}`, [])
  throw unknownKey(
    name,
    missing,
    all.map(({ key }) => String(key)),
  )
}

/** Adds images, in the place of those of the same id. */
export async function addRows(
  session: Session,
  table: string,
  held: Held,
  items: readonly GalleryItem[],
  vectors: GalleryVectors,
): Promise<void> {
  const matrices = checkVectors(held, vectors, items.length)
  const columns = [...ENTRY.split(', '), vectorColumn(held.generation), ...held.members.map((_, i) => memberColumn(i))]
  const list = columns.join(', ')
  const replaced = columns.slice(1).map((column) => `${column} = EXCLUDED.${column}`)
  const statement = `
    INSERT INTO ${quoted(table)} (${list}, revision)
    SELECT id, hash, metadata::jsonb, uncertainty, rejected, source, box::jsonb,
      ${matrices.map((_, i) => `vector_${i}`).join(', ')}, $8::text::bigint
    FROM unnest($1::text[], $2::text[], $3::text[], $4::float8[], $5::boolean[], $6::text[], $7::text[],
      ${matrices.map((_, i) => `$${i + 9}::vector[]`).join(', ')})
      AS new (${ENTRY}, ${matrices.map((_, i) => `vector_${i}`).join(', ')})
    ON CONFLICT (id) DO UPDATE SET ${replaced.join(', ')}, revision = EXCLUDED.revision`
  const type = await vectorType(session)
  for (const [from, to] of blocksOf(items.length, matrices)) {
    const block = items.slice(from, to)
    const column = (of: (item: GalleryItem) => unknown) => block.map((item) => of(item) ?? null)
    const json = (value: unknown) => value && JSON.stringify(value)
    await session.query(statement, [
      column(({ id }) => id),
      column(({ hash }) => hash),
      column(({ metadata }) => json(metadata)),
      column(({ uncertainty }) => uncertainty),
      column(({ rejected }) => rejected ?? false),
      column(({ source }) => source),
      column(({ box }) => json(box)),
      held.revision,
      ...matrices.map((matrix) => vectorArray(type, matrix, from, to)),
    ])
  }
}

/** The number that this database gave the type `vector`. */
export async function vectorType(session: Session): Promise<number> {
  const [row] = await session.query(`SELECT 'vector'::regtype::oid::int AS type`, [])
  return Number(row?.['type'])
}

/** Rows that travel in one statement: some megabytes. */
function* blocksOf(rows: number, matrices: readonly Embeddings[]): Generator<[number, number]> {
  const bytes = 4 * matrices.reduce((sum, { dim }) => sum + dim, 0)
  const step = Math.max(1, Math.floor(STATEMENT_BYTES / bytes))
  for (let from = 0; from < rows; from += step) yield [from, Math.min(rows, from + step)]
}

/** Reads all vectors. @throws `gallery/damaged` */
export function checkRows(name: string, held: Held, rows: readonly Row[]): void {
  try {
    matrixOf(rows, 'own', held.space, held.dim)
    membersOf(held, rows)
  } catch (error) {
    if (!isLookalikeError(error) && !(error instanceof RangeError) && !(error instanceof TypeError)) throw error
    throw new LookalikeError(
      'gallery/damaged',
      { problem: `The gallery ${name} has vectors that are none`, fix: 'Restore it from a copy of the database.' },
      { fields: { gallery: name }, cause: error },
    )
  }
}

import type { Embeddings, GalleryEntry, GalleryItem, GallerySelection, GalleryVectors } from '@lookalike/core'
import {
  checkVectors,
  createEmbeddings,
  type FilterNode,
  filterKeys,
  isLookalikeError,
  LookalikeError,
  parseFilter,
  rowOf,
  unknownKey,
} from '@lookalike/core'
import { type Bind, compileFilter } from './compile-filter.js'
import { booleanField, copyRows, doubleField, jsonField, readVector, textField, vectorField } from './copy-rows.js'
import { type Asker, quoted, type Row, type Session } from './database.js'
import { type Held, memberColumn, vectorColumn } from './schema.js'

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
    ...(metadata !== null && { metadata }),
    ...(uncertainty !== null && { uncertainty }),
    ...(source !== null && { source }),
    ...(box !== null && { box }),
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
  session: Asker,
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
async function checkKeys(session: Asker, name: string, table: string, node: FilterNode): Promise<void> {
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

/** Adds images in one statement, in the place of those of the same id. */
export async function addRows(
  session: Session,
  table: string,
  held: Held,
  items: readonly GalleryItem[],
  vectors: GalleryVectors,
): Promise<void> {
  const matrices = checkVectors(held, vectors, items.length)
  const own = vectorColumn(held.generation)
  const columns = [...ENTRY.split(', '), own, ...held.members.map((_, i) => memberColumn(i))]
  const list = columns.join(', ')
  await session.query(
    `CREATE TEMPORARY TABLE lookalike_incoming ON COMMIT DROP AS SELECT ${list} FROM ${quoted(table)} LIMIT 0`,
  )
  const rows = items.map((item, i) => [
    textField(item.id),
    textField(item.hash),
    jsonField(item.metadata),
    doubleField(item.uncertainty),
    booleanField(item.rejected ?? false),
    textField(item.source),
    jsonField(item.box),
    ...matrices.map((matrix) => vectorField(rowOf(matrix, i))),
  ])
  await session.copy(`lookalike_incoming (${list})`, copyRows(rows))
  const replaced = columns.slice(1).map((column) => `${column} = EXCLUDED.${column}`)
  await session.query(
    `INSERT INTO ${quoted(table)} (${list}, revision) SELECT ${list}, $1::text::bigint FROM lookalike_incoming
     ON CONFLICT (id) DO UPDATE SET ${replaced.join(', ')}, revision = EXCLUDED.revision`,
    [held.revision],
  )
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

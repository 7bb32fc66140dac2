import type { Table } from '@lancedb/lancedb'
import {
  createEmbeddings,
  type Embeddings,
  type FilterNode,
  type GalleryEntry,
  type GallerySelection,
  parseFilter,
} from '@lookalike/core'
import { filterKeys, unknownKey } from '@lookalike/core/gallery'
import type { Table as Rows } from 'apache-arrow'
import { matrixData } from './arrow.js'
import { compileFilter, quotedText } from './compile-filter.js'
import { columnsOf, keyOf } from './filter-columns.js'
import { type Held, memberColumn } from './held.js'

/** Texts that are looked up in one statement. */
const LOOKED_UP = 5000

/** Rows whose column holds one of these texts. */
export async function findRows(
  table: Table,
  column: string,
  texts: readonly string[],
  columns: readonly string[],
): Promise<Rows[]> {
  const wanted = [...new Set(texts)]
  const found: Rows[] = []
  for (let from = 0; from < wanted.length; from += LOOKED_UP) {
    const list = wanted.slice(from, from + LOOKED_UP).map(quotedText)
    found.push(
      await table
        .query()
        .where(`${column} IN (${list.join(', ')})`)
        .select([...columns])
        .toArrow(),
    )
  }
  return found
}

/**
 * A selection as a condition; undefined for all images.
 *
 * @throws `gallery/filter`, `gallery/unknown-key`
 */
export async function conditionOf(
  table: Table,
  name: string,
  held: Held,
  { filter, rejected }: GallerySelection,
): Promise<string | undefined> {
  const node = filter && parseFilter(filter)
  if (node) await checkKeys(table, name, held, node)
  const conditions = [
    ...(rejected === undefined ? [] : [`rejected = ${rejected}`]),
    ...(node ? [compileFilter(node, held.columns)] : []),
  ]
  return conditions.length === 0 ? undefined : conditions.join(' AND ')
}

/** A column may be there without any image that has a value in it. */
async function checkKeys(table: Table, name: string, held: Held, node: FilterNode): Promise<void> {
  const isThere = async (key: string) => {
    const { text, number, flag } = columnsOf(key)
    if (![text, number, flag].some((column) => held.columns.has(column))) return false
    const exists = compileFilter({ op: 'exists', key, exists: true }, held.columns)
    return (await table.query().where(exists).select(['id']).limit(1).toArrow()).numRows > 0
  }
  for (const key of filterKeys(node)) {
    if (await isThere(key)) continue
    if ((await table.countRows()) === 0) return
    const keys = [...new Set([...held.columns].map((column) => keyOf(column)!))]
    const there = await Promise.all(keys.map(isThere))
    throw unknownKey(
      name,
      key,
      keys.filter((_, i) => there[i]),
    )
  }
}

export const embeddingsOf = (rows: Rows, column: string, space: string, dim: number): Embeddings<'gallery'> =>
  createEmbeddings({ data: matrixData(rows, column, dim), rows: rows.numRows, dim, space, role: 'gallery' })

export const membersOf = (rows: Rows, { members }: Held): Record<string, Embeddings<'gallery'>> =>
  Object.fromEntries(members.map(({ name, space, dim }, i) => [name, embeddingsOf(rows, memberColumn(i), space, dim)]))

export const byId = (entries: readonly GalleryEntry[]): Map<string, GalleryEntry> =>
  new Map(entries.map((entry) => [entry.id, entry]))

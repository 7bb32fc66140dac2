import type { FilterNode, FilterRange } from '@lookalike/core'
import { columnsOf } from './filter-columns.js'

const OPERATORS = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const

/** A text in SQL; LanceDB takes no values beside a statement. */
export const quotedText = (text: string): string => `'${text.replaceAll("'", "''")}'`

const quotedNumber = (value: number): string => (value + 0).toExponential()

/** A filter as a condition in LanceDB's SQL. @param columns those that the table has */
export function compileFilter(node: FilterNode, columns: ReadonlySet<string>): string {
  if (node.op === 'and' || node.op === 'or') {
    if (node.of.length === 0) return node.op === 'and' ? 'true' : 'false'
    return `(${node.of.map((each) => compileFilter(each, columns)).join(node.op === 'and' ? ' AND ' : ' OR ')})`
  }
  const { text, number, flag } = columnsOf(node.key)
  if (node.op === 'exists') {
    const there = [text, number, flag].filter((column) => columns.has(column))
    if (there.length === 0) return node.exists ? 'false' : 'true'
    return node.exists
      ? `(${there.map((column) => `${column} IS NOT NULL`).join(' OR ')})`
      : `(${there.map((column) => `${column} IS NULL`).join(' AND ')})`
  }
  if (node.op === 'range') return columns.has(number) ? compileRange(number, node.range) : 'false'
  const conditions = [
    among(columns, text, node.values.filter((value) => typeof value === 'string').map(quotedText)),
    among(columns, number, node.values.filter((value) => typeof value === 'number').map(quotedNumber)),
    among(
      columns,
      flag,
      node.values.filter((value) => typeof value === 'boolean').map((value) => (value ? '1' : '0')),
    ),
  ].filter((condition) => condition !== undefined)
  return conditions.length === 0 ? 'false' : `(${conditions.join(' OR ')})`
}

const among = (columns: ReadonlySet<string>, column: string, values: readonly string[]): string | undefined =>
  values.length === 0 || !columns.has(column) ? undefined : `${column} IN (${values.join(', ')})`

const compileRange = (column: string, range: FilterRange): string =>
  `(${(Object.keys(OPERATORS) as (keyof FilterRange)[])
    .flatMap((bound) => {
      const limit = range[bound]
      return limit === undefined ? [] : [`${column} ${OPERATORS[bound]} ${quotedNumber(limit)}`]
    })
    .join(' AND ')})`

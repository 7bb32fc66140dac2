import type { FilterNode, FilterRange, MetadataValue } from '@lookalike/core'
import { isStorable } from './storable.js'

/** Gives a value a place among the statement's: `$3`, say. */
export type Bind = (value: unknown) => string

/** Longer lists are compared row by row rather than looked up in the index. */
const LOOKED_UP = 64
const OPERATORS = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const

/** A filter as a condition on the column `metadata`, of type jsonb and null where an image has none. All of the filter's texts become values. */
export function compileFilter(node: FilterNode, bind: Bind): string {
  if (node.op === 'and' || node.op === 'or') {
    if (node.of.length === 0) return node.op === 'and' ? 'TRUE' : 'FALSE'
    return `(${node.of.map((each) => compileFilter(each, bind)).join(node.op === 'and' ? ' AND ' : ' OR ')})`
  }
  // What cannot be stored, no image has.
  if (!isStorable(node.key)) return node.op === 'exists' && !node.exists ? 'TRUE' : 'FALSE'
  if (node.op === 'exists')
    return node.exists ? `metadata ? ${bind(node.key)}` : `(metadata ? ${bind(node.key)}) IS NOT TRUE`
  return node.op === 'in' ? compileIn(node.key, node.values, bind) : compileRange(node.key, node.range, bind)
}

function compileIn(key: string, values: readonly MetadataValue[], bind: Bind): string {
  const wanted = values
    .filter((value) => typeof value !== 'string' || isStorable(value))
    .map((value) => JSON.stringify({ [key]: value }))
  if (wanted.length === 0) return 'FALSE'
  if (wanted.length > LOOKED_UP) return `metadata @> ANY (${bind(wanted)}::text[]::jsonb[])`
  return `(${wanted.map((value) => `metadata @> ${bind(value)}::text::jsonb`).join(' OR ')})`
}

/** The order of numbers as texts of a decimal is that of the doubles they were. CASE, since only numbers can be cast. */
function compileRange(key: string, range: FilterRange, bind: Bind): string {
  const at = bind(key)
  const value = `(metadata -> ${at})`
  const bounds = (Object.keys(OPERATORS) as (keyof FilterRange)[]).flatMap((bound) => {
    const limit = range[bound]
    return limit === undefined ? [] : [`${value}::numeric ${OPERATORS[bound]} ${bind(String(limit))}::text::numeric`]
  })
  return `(metadata ? ${at} AND CASE WHEN jsonb_typeof${value} = 'number' THEN ${bounds.join(' AND ')} ELSE FALSE END)`
}

import type { FilterNode } from '@lookalike/core'
import type { Schemas } from '@qdrant/js-client-rest'
import { fieldsOf } from './filter-fields.js'

export type Condition = Schemas['Condition']

/** A filter as a condition of Qdrant's. */
export function compileFilter(node: FilterNode): Condition {
  if (node.op === 'and') return { must: node.of.map(compileFilter) }
  if (node.op === 'or') return anyOf(node.of.map(compileFilter))
  const { text, number, flag } = fieldsOf(node.key)
  if (node.op === 'exists') {
    const empty = [text, number, flag].map((key): Condition => ({ is_empty: { key } }))
    return node.exists ? { must_not: { must: empty } } : { must: empty }
  }
  if (node.op === 'range') return { key: number, range: { ...node.range } as Schemas['Range'] }
  const texts = node.values.filter((value) => typeof value === 'string')
  return anyOf([
    ...(texts.length > 0 ? [{ key: text, match: { any: texts } }] : []),
    ...node.values.flatMap((value): Condition[] => {
      if (typeof value === 'boolean') return [{ key: flag, match: { value } }]
      // Qdrant matches whole numbers only.
      return typeof value === 'number' ? [{ key: number, range: { gte: value, lte: value } }] : []
    }),
  ])
}

/** An empty `should` would fit everything. */
function anyOf(conditions: readonly Condition[]): Condition {
  return conditions.length === 0 ? { must: { has_id: [] } } : { should: [...conditions] }
}

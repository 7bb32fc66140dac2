import type { DatasetItem } from '@lookalike/core'

/** Whether a query may find a gallery item at all: not itself, and no other frame of its own sequence. */
export function mayFind(query: DatasetItem, item: DatasetItem): boolean {
  return query.id !== item.id && (query.sequence === undefined || query.sequence !== item.sequence)
}

/** Whether a gallery item is a right answer to a query. */
export function isRelevant(query: DatasetItem, item: DatasetItem): boolean {
  return query.label === item.label && mayFind(query, item)
}

import type { DatasetItem } from '../contracts/dataset.js'

/** Whether a query may find a gallery item at all: not itself, and no other frame of its own sequence. */
export function mayFind(query: DatasetItem, item: DatasetItem): boolean {
  return query.id !== item.id && (query.sequence === undefined || query.sequence !== item.sequence)
}

/** Whether a gallery item is a right answer to a query: it may be found, and shares a label. */
export function isRelevant(query: DatasetItem, item: DatasetItem): boolean {
  return sharesLabel(query, item) && mayFind(query, item)
}

function sharesLabel(query: DatasetItem, item: DatasetItem): boolean {
  if (!query.labels && !item.labels) return query.label === item.label
  const wanted = query.labels ?? [query.label]
  return (item.labels ?? [item.label]).some((label) => wanted.includes(label))
}

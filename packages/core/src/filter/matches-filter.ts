import type { FilterNode, FilterRange, Metadata } from '../contracts/filter.js'

/** Whether an image's metadata fit: what stores that filter in JavaScript use, and what the others are compared with. */
export function matchesFilter(metadata: Metadata | undefined, node: FilterNode): boolean {
  if (node.op === 'and') return node.of.every((each) => matchesFilter(metadata, each))
  if (node.op === 'or') return node.of.some((each) => matchesFilter(metadata, each))
  const value = metadata !== undefined && Object.hasOwn(metadata, node.key) ? metadata[node.key] : undefined
  if (node.op === 'exists') return (value !== undefined) === node.exists
  if (node.op === 'in') return value !== undefined && node.values.includes(value)
  return typeof value === 'number' && isWithin(value, node.range)
}

const isWithin = (value: number, { gt, gte, lt, lte }: FilterRange): boolean =>
  (gt === undefined || value > gt) &&
  (gte === undefined || value >= gte) &&
  (lt === undefined || value < lt) &&
  (lte === undefined || value <= lte)

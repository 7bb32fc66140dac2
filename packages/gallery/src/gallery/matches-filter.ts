import type { Filter, Metadata } from '@lookalike/core'

/** Whether each key of the filter is equal to its value, or to one of its values. */
export function matchesFilter(metadata: Metadata | undefined, filter: Filter): boolean {
  for (const [key, wanted] of Object.entries(filter)) {
    const value = metadata !== undefined && Object.hasOwn(metadata, key) ? metadata[key] : undefined
    if (value === undefined) return false
    if (Array.isArray(wanted) ? !wanted.includes(value) : wanted !== value) return false
  }
  return true
}

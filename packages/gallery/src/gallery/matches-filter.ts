import { type Filter, LookalikeError, type Metadata } from '@lookalike/core'

/** Whether each key of the filter is equal to its value, or to one of its values. */
export function matchesFilter(metadata: Metadata | undefined, filter: Filter): boolean {
  for (const [key, wanted] of Object.entries(filter)) {
    const value = metadata !== undefined && Object.hasOwn(metadata, key) ? metadata[key] : undefined
    if (value === undefined) return false
    if (Array.isArray(wanted) ? !wanted.includes(value) : wanted !== value) return false
  }
  return true
}

/** @throws `gallery/filter` for what is no filter. */
export function checkFilter(filter: unknown): void {
  if (typeof filter !== 'object' || filter === null || Array.isArray(filter))
    throw badFilter(`The filter is ${JSON.stringify(filter)}`, 'an object of metadata keys and values')
  for (const [key, wanted] of Object.entries(filter)) {
    for (const value of Array.isArray(wanted) ? wanted : [wanted]) {
      if (['string', 'number', 'boolean'].includes(typeof value)) continue
      throw badFilter(
        `The filter asks for ${JSON.stringify(value) ?? String(value)} as "${key}"`,
        'a text, a number, true or false, or a list of them',
      )
    }
  }
}

/** Keys named in an error. */
const NAMED = 20

/** @throws `gallery/filter` for a key that no image has, naming those that there are. */
export function checkFilterKeys(filter: Filter, known: ReadonlySet<string>): void {
  const unknown = Object.keys(filter).find((key) => !known.has(key))
  if (unknown === undefined) return
  const names = [...known]
    .sort()
    .slice(0, NAMED)
    .map((key) => `"${key}"`)
  const more = known.size > NAMED ? ` and ${known.size - NAMED} more` : ''
  throw badFilter(
    `No image of the gallery has metadata "${unknown}"`,
    names.length > 0 ? `${names.join(', ')}${more}` : 'no filter: the images have no metadata',
    { key: unknown, known: [...known].sort() },
  )
}

const badFilter = (problem: string, expected: string, fields: Record<string, unknown> = {}) =>
  new LookalikeError('gallery/filter', { problem, expected }, { fields })

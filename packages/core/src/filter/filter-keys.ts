import type { FilterNode } from '../contracts/filter.js'
import { LookalikeError } from '../errors.js'
import { nearestName } from '../plugin/nearest-name.js'

/** Keys named in an error. */
const NAMED = 20

/** The metadata keys that a filter looks at. */
export function filterKeys(node: FilterNode): ReadonlySet<string> {
  if (node.op !== 'and' && node.op !== 'or') return new Set([node.key])
  return new Set(node.of.flatMap((each) => [...filterKeys(each)]))
}

/**
 * What a store throws where a filter asks for a key that no image has: it would find nothing, and look like an answer.
 *
 * @param gallery its name
 * @param known all keys that images have
 */
export function unknownKey(gallery: string, key: string, known: Iterable<string>): LookalikeError {
  const keys = [...known].sort()
  const near = nearestName(key, keys)
  const more = keys.length > NAMED ? ` and ${keys.length - NAMED} more` : ''
  return new LookalikeError(
    'gallery/unknown-key',
    {
      problem: `No image of the gallery ${gallery} has the key ${JSON.stringify(key)}`,
      expected:
        keys.length > 0 ? `one of ${keys.slice(0, NAMED).join(', ')}${more}` : 'no filter: its images have no metadata',
      fix: near && `Did you mean "${near}"?`,
    },
    { fields: { key, keys } },
  )
}

import { LookalikeError } from '../errors.js'
import type { Kind, PluginRef } from './kinds.js'

/**
 * A reference as the plugin's name and its options: `'mini'` and `{ use: 'mini' }` are the same.
 *
 * @throws `config/invalid` for anything else.
 */
export function splitRef(
  kind: Kind,
  ref: PluginRef,
  path: string = kind,
): { use: string; given: Record<string, unknown> } {
  const value: unknown = ref
  if (typeof value === 'string' && value !== '') return { use: value, given: {} }
  if (typeof value === 'object' && value !== null && typeof (value as { use?: unknown }).use === 'string') {
    const { use, ...given } = value as { use: string }
    return { use, given }
  }
  throw new LookalikeError(
    'config/invalid',
    {
      problem: `${path}: ${JSON.stringify(value) ?? String(value)} names no ${kind}`,
      expected: `a ${kind}'s name, or an object with it in "use"`,
    },
    { fields: { issues: [{ path, problem: `names no ${kind}` }] } },
  )
}

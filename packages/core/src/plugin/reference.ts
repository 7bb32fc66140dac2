import { LookalikeError } from '../errors.js'
import type { Kind, OptionValue, PluginRef } from './kinds.js'
import { formatPath } from './schema-path.js'

/**
 * A plugin that a config names, parsed: `'mini'` and `{ use: 'mini' }` come to the same. It may be given wherever a plugin is named; being a type and
 * no interface is what makes it fit there.
 */
export type Reference<K extends Kind = Kind> = {
  readonly kind: K
  /** The plugin's name. */
  readonly use: string
  /** As the config gives them: not checked yet. */
  readonly options: { readonly [option: string]: OptionValue }
  /** Where it stands in the config, for messages: `encoder`, `rerankers[0]`, `train.loss`. */
  readonly path: string
}

type Written = { readonly use: string; readonly [option: string]: OptionValue }

/** Recognises references of other copies of this package, and tells them from options that look like one. */
const BRAND = Symbol.for('lookalike.reference')

export function isReference(value: unknown): value is Reference {
  return typeof value === 'object' && value !== null && BRAND in value
}

/** Whether a value names a plugin: a name, or an object with one in `use`. */
export function namesPlugin<K extends Kind>(value: unknown): value is PluginRef<K> {
  const name: unknown = typeof value === 'object' && value !== null && 'use' in value ? value.use : value
  return typeof name === 'string' && name !== ''
}

/**
 * Parses how a config names a plugin. What is parsed already stays as it is.
 *
 * @param path where it stands in the config; default: its kind
 * @throws `config/invalid` for what names no plugin.
 */
export function parseReference<K extends Kind>(kind: K, given: PluginRef<K>, path: string = kind): Reference<K> {
  if (isReference(given)) return given as Reference<K>
  if (namesPlugin<K>(given)) {
    const { use, ...options } = typeof given === 'string' ? { use: given } : (given as Written)
    return createReference(kind, use, options, path)
  }
  const value: unknown = given
  throw new LookalikeError(
    'config/invalid',
    {
      problem: `${path}: ${JSON.stringify(value) ?? String(value)} names no ${kind}`,
      expected: `a ${kind}'s name, or an object with it in "use"`,
    },
    { fields: { issues: [{ path, problem: `names no ${kind}` }] } },
  )
}

/** A reference as a config writes it: data, which also goes to other threads. */
export function writeReference<K extends Kind>({ use, options }: Reference<K>): PluginRef<K> {
  return { use, ...options } as PluginRef<K>
}

/** The references in parsed options, however deep, each with the path where it stands. */
export function findReferences(value: unknown): Reference[] {
  const found: Reference[] = []
  replaceReferences(value, (reference) => found.push(reference))
  return found
}

/** Parsed options with something else in the place of each reference. */
export function replaceReferences(
  value: unknown,
  replace: (reference: Reference, path: string) => unknown,
  path = '',
): unknown {
  if (isReference(value)) return replace(value, path)
  if (Array.isArray(value)) return value.map((item, i) => replaceReferences(item, replace, `${path}[${i}]`))
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, replaceReferences(inner, replace, formatPath([key], path))]),
  )
}

/** Parsed options whose references know where they stand; a schema does not tell them. */
export function placeReferences<T>(value: T, path: string): T {
  return replaceReferences(value, ({ kind, use, options }, at) => createReference(kind, use, options, at), path) as T
}

function createReference<K extends Kind>(
  kind: K,
  use: string,
  options: Reference['options'],
  path: string,
): Reference<K> {
  const reference: Reference<K> = { kind, use, options, path }
  return Object.defineProperties(reference, {
    [BRAND]: { value: true },
    // In manifests, cards and logs it stands as a config writes it.
    toJSON: { value: () => writeReference(reference) },
  })
}

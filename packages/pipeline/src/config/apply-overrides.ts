import { LookalikeError } from '@lookalike/core'
import { problemOfValues, RESERVED_KEYS } from './check-values.js'
import { parseYaml } from './parse-yaml.js'

/** Dotted paths to values: `{ 'train.epochs': '3', 'rerankers.0.topN': 20 }`. Texts are read as YAML. */
export type Overrides = Readonly<Record<string, unknown>>

/**
 * Sets values deep inside a config. `encoder: mini` with `encoder.threads=2` becomes `{ use: mini, threads: 2 }`.
 *
 * @throws `config/override` when a path leads through a value that has no keys, or past the end of an array.
 */
export function applyOverrides(
  config: Readonly<Record<string, unknown>>,
  overrides: Overrides,
): Record<string, unknown> {
  const result = copy(config) as Record<string, unknown>
  for (const [path, value] of Object.entries(overrides))
    set(result, path, typeof value === 'string' ? parseValue(value, path) : value)
  return result
}

/** Plain objects and arrays copied, everything else (a config in code may hold functions) kept. */
function copy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copy)
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copy(inner)]))
}

function parseValue(text: string, path: string): unknown {
  if (text === '') return ''
  try {
    return parseYaml(text)
  } catch (cause) {
    const shown = text.length > 200 ? `${text.slice(0, 200)}...` : text
    throw new LookalikeError(
      'config/override',
      {
        problem: `The value of ${path}, ${JSON.stringify(shown)}, is no YAML`,
        expected: 'a number, a text, true, false, [a, b] or {key: value}',
      },
      { fields: { path, text }, cause },
    )
  }
}

function set(root: Record<string, unknown>, path: string, value: unknown): void {
  const keys = path.split('.')
  const fail = (problem: string, expected: string): never => {
    throw new LookalikeError('config/override', { problem: `--${path}: ${problem}`, expected }, { fields: { path } })
  }
  if (keys.includes('')) fail('this is no path', 'keys joined by dots, such as train.epochs')
  const reserved = keys.find((key) => RESERVED_KEYS.includes(key))
  if (reserved !== undefined)
    fail(`"${reserved}" cannot be set`, 'other keys: this one has a meaning of its own in JavaScript')
  const unfit = problemOfValues(value)
  if (unfit) fail(`the value cannot be used: ${unfit.problem}`, unfit.expected)
  let at: unknown = root
  for (const [depth, step] of keys.entries()) {
    const key = Array.isArray(at) ? positionOf(at, step) : step
    const holder = holderOf(at, key, keys.slice(0, depth).join('.'), fail)
    if (depth === keys.length - 1) {
      holder[key] = value
      return
    }
    const next = Object.hasOwn(holder, key) ? holder[key] : undefined
    // A plugin's name alone stands for a reference without options.
    if (typeof next === 'string') holder[key] = { use: next }
    else if (next === undefined || next === null) holder[key] = {}
    at = holder[key]
  }
}

/** An element of an array is called by its position, or by its name where it has one, as stages do. */
function positionOf(items: readonly unknown[], step: string): string {
  const named = items.findIndex(
    (item) => typeof item === 'object' && item !== null && 'name' in item && item.name === step,
  )
  return named < 0 ? step : String(named)
}

/** The value at `here` as something that `key` can be set in. */
function holderOf(
  at: unknown,
  key: string,
  here: string,
  fail: (problem: string, expected: string) => never,
): Record<string, unknown> {
  if (Array.isArray(at)) {
    if (!/^(0|[1-9]\d*)$/.test(key) || Number(key) >= at.length) {
      fail(
        `${here} has no element ${key}`,
        at.length > 0 ? `0 to ${at.length - 1}` : 'a config in which it is not empty',
      )
    }
  } else if (typeof at !== 'object' || at === null) {
    fail(`${here} is ${JSON.stringify(at)}, which has no keys`, 'a path to an object')
  }
  return at as Record<string, unknown>
}

import type { Filter, FilterNode, FilterRange, MetadataValue } from '../contracts/filter.js'
import { LookalikeError } from '../errors.js'
import { isRecord } from '../is-record.js'
import { nearestName } from '../plugin/nearest-name.js'

const BOUNDS = ['gt', 'gte', 'lt', 'lte'] as const
/** How deep filters may nest. */
const MAX_DEPTH = 20
const EXPECTED =
  'a text, a number, true or false, a list of them, a range such as { gte: 1, lt: 5 }, or { exists: true }; $and and $or with a list of filters'

/**
 * A filter, checked, as what stores compile.
 *
 * @throws `gallery/filter` for what is no filter.
 *
 * @example
 * const node = parseFilter({ colour: ['red', 'blue'], price: { lt: 20 } })
 */
export function parseFilter(filter: Filter): FilterNode {
  return parseObject(filter, 0)
}

function parseObject(filter: unknown, depth: number): FilterNode {
  if (!isRecord(filter)) throw badFilter(`The filter is ${shown(filter)}`, 'an object of metadata keys and conditions')
  if (depth > MAX_DEPTH) throw badFilter('The filter is nested too deep', `at most ${MAX_DEPTH} levels`)
  return joined(
    'and',
    Object.entries(filter).map(([key, condition]) => parseEntry(key, condition, depth)),
  )
}

function parseEntry(key: string, condition: unknown, depth: number): FilterNode {
  if (key === '$and' || key === '$or') {
    if (!Array.isArray(condition)) throw badFilter(`${key} is ${shown(condition)}`, 'a list of filters')
    return joined(
      key === '$and' ? 'and' : 'or',
      condition.map((each) => parseObject(each, depth + 1)),
    )
  }
  if (isValue(condition)) return { op: 'in', key, values: [condition] }
  if (Array.isArray(condition)) {
    for (const value of condition) if (!isValue(value)) throw unfit(key, value)
    return { op: 'in', key, values: [...new Set(condition as MetadataValue[])] }
  }
  if (!isRecord(condition)) throw unfit(key, condition)
  return parseOperators(key, condition)
}

function parseOperators(key: string, condition: Readonly<Record<string, unknown>>): FilterNode {
  const given = Object.entries(condition).filter(([, value]) => value !== undefined)
  const names = given.map(([name]) => name)
  const unknown = names.find((name) => name !== 'exists' && !(BOUNDS as readonly string[]).includes(name))
  if (unknown !== undefined) {
    const near = nearestName(unknown, [...BOUNDS, 'exists'])
    throw badFilter(`"${key}" has the condition "${unknown}"`, EXPECTED, near && `Did you mean "${near}"?`)
  }
  if (names.length === 0) throw unfit(key, condition)
  if (names.includes('exists')) {
    if (names.length > 1 || typeof condition.exists !== 'boolean') throw unfit(key, condition)
    return { op: 'exists', key, exists: condition.exists }
  }
  const range: { -readonly [bound in keyof FilterRange]: number } = {}
  for (const [name, value] of given) {
    if (typeof value !== 'number' || !Number.isFinite(value)) throw unfit(key, value, `a finite number as "${name}"`)
    range[name as keyof FilterRange] = value
  }
  return { op: 'range', key, range }
}

const joined = (op: 'and' | 'or', of: readonly FilterNode[]): FilterNode => (of.length === 1 ? of[0]! : { op, of })

/** NaN would equal nothing, and infinity is no metadata. */
const isValue = (value: unknown): value is MetadataValue =>
  typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))

const unfit = (key: string, value: unknown, expected = EXPECTED) =>
  badFilter(`The filter asks for ${shown(value)} as "${key}"`, expected)

function shown(value: unknown): string {
  try {
    return (JSON.stringify(value) ?? String(value)).slice(0, 80)
  } catch {
    return String(value)
  }
}

const badFilter = (problem: string, expected: string, fix?: string) =>
  new LookalikeError('gallery/filter', { problem, expected, fix })

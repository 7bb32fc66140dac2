import type { Schemas } from '@qdrant/js-client-rest'

/* What Qdrant's filters find, as its documentation has it; nothing of the package is used. */

type Payload = Readonly<Record<string, unknown>>
export interface Filtered {
  readonly id: string | number
  readonly payload: Payload
}
type List<T> = T | readonly T[] | null | undefined

const listOf = <T>(given: List<T>): readonly T[] =>
  given === null || given === undefined ? [] : Array.isArray(given) ? (given as readonly T[]) : [given as T]

export function fits(filter: Schemas['Filter'], point: Filtered): boolean {
  const conditions = (given: unknown) => listOf(given as List<Schemas['Condition']>)
  const { must, must_not, should } = filter
  return (
    conditions(must).every((each) => holds(each, point)) &&
    !conditions(must_not).some((each) => holds(each, point)) &&
    (conditions(should).length === 0 || conditions(should).some((each) => holds(each, point)))
  )
}

function holds(condition: Schemas['Condition'], point: Filtered): boolean {
  if ('has_id' in condition) return (condition.has_id as readonly unknown[]).includes(point.id)
  if ('is_empty' in condition) {
    const value = valueAt(point.payload, (condition as Schemas['IsEmptyCondition']).is_empty.key)
    return value === undefined || value === null || (Array.isArray(value) && value.length === 0)
  }
  if (!('key' in condition)) return fits(condition as Schemas['Filter'], point)
  const { key, match, range } = condition as Schemas['FieldCondition']
  const value = valueAt(point.payload, key)
  if (match) {
    if ('any' in match) return typeof value === 'string' && (match.any as readonly unknown[]).includes(value)
    if ('value' in match) return typeof value === typeof match.value && value === match.value
  }
  if (range) {
    const { gt, gte, lt, lte } = range as Schemas['Range']
    return (
      typeof value === 'number' &&
      (gt === undefined || gt === null || value > gt) &&
      (gte === undefined || gte === null || value >= gte) &&
      (lt === undefined || lt === null || value < lt) &&
      (lte === undefined || lte === null || value <= lte)
    )
  }
  throw new Error(`The stub does not know the condition ${JSON.stringify(condition)}`)
}

/** Paths that would have to be quoted are none. */
export function valueAt(payload: Payload, path: string): unknown {
  let value: unknown = payload
  for (const part of path.split('.')) {
    if (!/^[\p{Alphabetic}\p{Number}_-]+$/u.test(part)) throw new Error(`Malformed JsonPath "${path}"`)
    value =
      typeof value === 'object' && value !== null && Object.hasOwn(value, part) ? (value as Payload)[part] : undefined
  }
  return value
}

/** The fields of a filter, with the index that a server needs for them when it refuses to look at all points. */
export function fieldsOf(condition: Schemas['Condition']): readonly (readonly [string, string | undefined])[] {
  if ('has_id' in condition) return []
  if ('is_empty' in condition) return [[(condition as Schemas['IsEmptyCondition']).is_empty.key, undefined]]
  if ('key' in condition) {
    const { key, match } = condition as Schemas['FieldCondition']
    if (!match) return [[key, 'float']]
    return [[key, 'value' in match && typeof match.value === 'boolean' ? 'bool' : 'keyword']]
  }
  const { must, must_not, should } = condition as Schemas['Filter']
  return [must, must_not, should].flatMap((each) => listOf(each as List<Schemas['Condition']>).flatMap(fieldsOf))
}

import { nearestName } from './nearest-name.js'
import type { SchemaIssue } from './schema.js'
import { formatPath, type JsonSchema, schemaAt, valueAt } from './schema-path.js'

/** So many things that do not fit are told, with the nearest spelling of each: a file of nothing else shall not take long to refuse. */
export const TOLD = 20

/** One thing in a config that does not fit. */
export interface ConfigIssue {
  /** `rerankers[0].topN`; empty for the config itself. */
  readonly path: string
  readonly problem: string
  readonly expected?: string | undefined
  readonly fix?: string | undefined
}

/**
 * A validator's finding in the words of this project: path, what was given, what was expected, nearest spelling.
 * Any Standard Schema validator gives a path and a message; what more zod tells is used where it is there.
 */
export function describeIssue(issue: SchemaIssue, given: unknown, schema: JsonSchema, base = ''): ConfigIssue[] {
  const keys = (issue.path ?? []).map((segment) => (typeof segment === 'object' ? segment.key : segment)) as (
    | string
    | number
  )[]
  const path = formatPath(keys, base)
  const detail = issue as SchemaIssue & { code?: string | undefined; keys?: readonly string[] }

  if (detail.code === 'unrecognized_keys' && detail.keys) {
    const known = Object.keys(schemaAt(schema, keys)?.properties ?? {})
    const expected = known.length > 0 ? `one of ${known.join(', ')}` : 'no options here'
    return detail.keys.map((key, at) => {
      const near = at < TOLD ? nearestName(key, known) : undefined
      return {
        path: formatPath([...keys, key], base),
        problem: 'unknown key',
        expected,
        fix: near && `Did you mean "${near}"?`,
      }
    })
  }

  const value = valueAt(given, keys)
  // A rule of its own says by itself what it wants.
  const expected = detail.code === 'custom' ? undefined : expectedText(schemaAt(schema, keys))
  if (value === undefined) return [{ path, problem: 'missing', expected: expected ?? issue.message }]
  const choices = schemaAt(schema, keys)?.enum
  const near = typeof value === 'string' && choices ? nearestName(value, choices.map(String)) : undefined
  const known = detail.code === 'invalid_type' || detail.code === 'invalid_union' || detail.code === 'invalid_value'
  return [
    {
      path,
      // A validator's own message says more than a type where a rule of its own failed.
      problem: `${givenText(value)} does not fit${known || !issue.message ? '' : `: ${lowerFirst(issue.message)}`}`,
      expected,
      fix: near && `Did you mean "${near}"?`,
    },
  ]
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}

function givenText(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'object') return 'an object'
  if (typeof value === 'function') return 'a function'
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return `${text.length > 60 ? `${text.slice(0, 57)}...` : text} (${typeof value})`
}

/** What a schema accepts, in a few words. */
function expectedText(schema: JsonSchema | undefined): string | undefined {
  if (!schema) return undefined
  if (schema.lookalikeKind)
    return `${article(schema.lookalikeKind)} ${schema.lookalikeKind}'s name, or an object with it in "use"`
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum) return `one of ${schema.enum.map((value) => JSON.stringify(value)).join(', ')}`
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) {
    const texts = choices.map(expectedText)
    return texts.every((text) => text !== undefined) ? [...new Set(texts)].join(' or ') : undefined
  }
  const type = typeof schema.type === 'string' ? schema.type : schema.type?.join(' or ')
  if (type === undefined) return undefined
  const range = rangeText(schema)
  if (type === 'array') {
    const items = expectedText(schema.items)
    return items ? `an array, each ${items}` : 'an array'
  }
  return type === 'null' ? 'null' : `${article(type)} ${type}${range}`
}

function rangeText(schema: JsonSchema): string {
  const parts = [
    schema.minimum !== undefined && `>= ${schema.minimum}`,
    schema.exclusiveMinimum !== undefined && `> ${schema.exclusiveMinimum}`,
    // Validators write the largest safe integer where nobody set a bound.
    schema.maximum !== undefined && Math.abs(schema.maximum) < Number.MAX_SAFE_INTEGER && `<= ${schema.maximum}`,
    schema.exclusiveMaximum !== undefined && `< ${schema.exclusiveMaximum}`,
  ].filter((part) => part !== false && !part.includes(String(Number.MIN_SAFE_INTEGER)))
  return parts.length > 0 ? ` ${parts.join(' and ')}` : ''
}

function article(word: string): string {
  return /^[aeiou]/.test(word) ? 'an' : 'a'
}

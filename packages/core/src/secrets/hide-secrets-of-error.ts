import { hideSecrets, hideSecretsOf } from './hide-secrets.js'

/**
 * An error of somebody else's without the secrets of addresses: in its message and stack, in what it says about itself (`path` of the file system's,
 * `input` of URL's) and in what caused it. The error itself where it has none, otherwise a copy of its kind.
 */
export function hideSecretsOfError(error: unknown): unknown {
  return clean(error, new Map())
}

/** An error's facts, each by itself. */
export function hideSecretsOfFields(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const seen = new Map()
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, clean(value, seen)]))
}

function clean(value: unknown, seen: Map<unknown, unknown>): unknown {
  if (value instanceof URL) return hideIn(value.href) === value.href ? value : hideIn(value.href)
  if (typeof value === 'string') return hideIn(value)
  if (Array.isArray(value) && value.some((each) => each instanceof Error)) return cleanAll(value, seen)
  if (!(value instanceof Error)) return value
  if (!seen.has(value)) {
    // Errors may lead back to themselves.
    seen.set(value, value)
    seen.set(value, cleanError(value, seen))
  }
  return seen.get(value)
}

function cleanAll(values: readonly unknown[], seen: Map<unknown, unknown>): readonly unknown[] {
  const cleaned = values.map((each) => clean(each, seen))
  return cleaned.some((each, i) => each !== values[i]) ? cleaned : values
}

function cleanError(error: Error, seen: Map<unknown, unknown>): Error {
  const own = Object.getOwnPropertyDescriptors(error) as Record<string, PropertyDescriptor>
  // What an error names as a whole may hold blanks and quotes, at which an address within a sentence would end.
  const whole = Object.entries(own)
    .filter(([key, { value }]) => key !== 'message' && key !== 'stack' && typeof value === 'string')
    .map(([, { value }]) => [value as string, hideSecretsOf(value as string)] as const)
    .filter(([before, after]) => before !== after)
  const prose = (text: string) =>
    hideSecrets(whole.reduce((cleaned, [before, after]) => cleaned.replaceAll(before, after), text))
  let changed = false
  for (const key of new Set([...Object.keys(own), 'stack'])) {
    const before: unknown = key === 'stack' ? error.stack : own[key]!.value
    const after =
      (key === 'message' || key === 'stack') && typeof before === 'string' ? prose(before) : clean(before, seen)
    if (after === before) continue
    own[key] = { configurable: true, writable: true, enumerable: own[key]?.enumerable ?? false, value: after }
    changed = true
  }
  return changed ? (Object.create(Object.getPrototypeOf(error) as object, own) as Error) : error
}

const hideIn = (text: string) => hideSecrets(hideSecretsOf(text))

import { formatPath } from '@lookalike/core'

/** How deep values may nest. */
export const MAX_DEPTH = 100

/** How many values there may be, each alias counted as what it stands for. */
const MAX_VALUES = 100_000

/** Keys through which an object's class can be reached and changed. */
export const RESERVED_KEYS: readonly string[] = ['__proto__', 'constructor', 'prototype']

/**
 * What makes data unfit to be merged, copied and checked, if anything: a value that contains itself, nests too deep or stands for too many values
 * (aliases of aliases), a key that would change what objects are. Takes time by what is there, not by what it stands for.
 */
export function problemOfValues(value: unknown): { problem: string; expected: string } | undefined {
  const measured = new Map<object, Size>()
  const open = new Set<object>()
  const keys: (string | number)[] = []

  const measure = (at: unknown): Size => {
    if (!isData(at)) return LEAF
    const known = measured.get(at)
    if (known) return known
    const where = () => formatPath(keys) || 'the config'
    if (open.has(at)) throw unfit(`${where()} contains itself`, 'values that end')
    if (keys.length >= MAX_DEPTH) throw unfit(`${shortened(where())} is nested too deep`, `at most ${MAX_DEPTH} levels`)
    open.add(at)
    const size = { values: 1, height: 1 }
    for (const [key, inner] of Array.isArray(at) ? at.entries() : Object.entries(at)) {
      if (typeof key === 'string' && RESERVED_KEYS.includes(key))
        throw unfit(`${where()} has a key "${key}"`, 'other keys: this one has a meaning of its own in JavaScript')
      keys.push(key)
      const below = measure(inner)
      size.values += below.values
      size.height = Math.max(size.height, below.height + 1)
      if (keys.length + below.height > MAX_DEPTH)
        throw unfit(`${shortened(where())} is nested too deep`, `at most ${MAX_DEPTH} levels`)
      keys.pop()
      if (size.values > MAX_VALUES)
        throw unfit(
          `${shortened(where())} stands for more than ${MAX_VALUES.toLocaleString('en')} values`,
          'fewer, or fewer aliases of aliases',
        )
    }
    open.delete(at)
    measured.set(at, size)
    return size
  }

  try {
    measure(value)
    return undefined
  } catch (error) {
    if (error instanceof Unfit) return error.found
    throw error
  }
}

interface Size {
  readonly values: number
  /** Levels below and including this one. */
  readonly height: number
}

const LEAF: Size = { values: 1, height: 0 }

class Unfit extends Error {
  constructor(readonly found: { problem: string; expected: string }) {
    super(found.problem)
  }
}

const unfit = (problem: string, expected: string) => new Unfit({ problem, expected })

const shortened = (path: string) => (path.length > 60 ? `${path.slice(0, 60)}...` : path)

/** Arrays and plain objects; a config in code may hold others, which stay as they are. */
function isData(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return true
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

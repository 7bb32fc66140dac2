import { LookalikeError } from '../errors.js'

/** Whose numbers they are, for the error. */
export interface NumbersOwner {
  /** Code of the error. */
  readonly code: string
  /** What the numbers are: `the embeddings of triplet`. */
  readonly name: string
}

/** Any list of numbers: a plain array or a typed one, but no text, no big integers. */
type Numbers = ArrayLike<number>

/**
 * Any list of numbers as a Float32Array, the same one where it is one already. Numbers that single precision cannot hold become
 * infinite; whether that is allowed is for the caller to say.
 *
 * @throws the owner's code when it is no list of numbers, with the first entry that is none.
 */
export function toFloat32(values: unknown, owner: NumbersOwner): Float32Array {
  if (tagOf(values) === 'Float32Array') return attached(values as Float32Array, owner)
  const numbers = numbersOf(values, owner)
  for (let i = 0; i < numbers.length; i++) if (typeof numbers[i] !== 'number') throw noNumber(numbers[i], i, owner)
  return Float32Array.from(numbers)
}

/**
 * Any list of whole numbers of 32 bits as an Int32Array, the same one where it is one already.
 *
 * @throws the owner's code, with the first entry that is no such number.
 */
export function toInt32(values: unknown, owner: NumbersOwner): Int32Array {
  if (tagOf(values) === 'Int32Array') return attached(values as Int32Array, owner)
  const numbers = numbersOf(values, owner)
  for (let i = 0; i < numbers.length; i++) {
    const value: unknown = numbers[i]
    if (typeof value !== 'number' || value !== (value | 0)) throw noNumber(value, i, owner, 'whole numbers of 32 bits')
  }
  return Int32Array.from(numbers)
}

function numbersOf(values: unknown, owner: NumbersOwner): Numbers {
  if (Array.isArray(values)) return values
  if (/^(Int|Uint|Float)\d+(Clamped)?Array$/.test(tagOf(values))) return attached(values as Float32Array, owner)
  throw new LookalikeError(
    owner.code,
    {
      problem: `${capitalised(owner.name)} came as ${kindOf(values)}`,
      expected: 'an array of numbers, plain or typed',
    },
    { fields: { given: kindOf(values) } },
  )
}

/** Memory that was given to another thread leaves an array that looks empty. */
function attached<T extends ArrayLike<number> & ArrayBufferView>(values: T, owner: NumbersOwner): T {
  if (values.length > 0) return values
  try {
    new Uint8Array(values.buffer)
    return values
  } catch {
    throw new LookalikeError(owner.code, {
      problem: `${capitalised(owner.name)} came as ${kindOf(values)} whose memory belongs to another thread by now`,
      expected: 'an array of numbers, plain or typed',
    })
  }
}

/** Tags rather than classes: test runners bring classes of their own. */
const tagOf = (value: unknown) => Object.prototype.toString.call(value).slice(8, -1)

function noNumber(value: unknown, at: number, owner: NumbersOwner, expected = 'numbers'): LookalikeError {
  const text = typeof value === 'number' ? String(value) : kindOf(value)
  return new LookalikeError(
    owner.code,
    { problem: `Entry ${at} of ${owner.name} is ${text}`, expected },
    { fields: { entry: at, given: text } },
  )
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'string') return `the text ${JSON.stringify(value.slice(0, 40))}`
  if (typeof value !== 'object') return `a ${typeof value}`
  const kind = tagOf(value)
  return /^[AEIOU]/.test(kind) ? `an ${kind}` : `a ${kind}`
}

const capitalised = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

import { inflateSync } from 'node:zlib'
import { LookalikeError } from '@lookalike/core'

/** A variable of a MAT-file: text, numbers in column order, cells, or an array of structs. */
export type MatValue =
  | string
  | readonly number[]
  | readonly MatValue[]
  | readonly { readonly [field: string]: MatValue }[]

/** Data types of elements (MAT-File Format, level 5, table 1-1). */
const enum Type {
  Matrix = 14,
  Compressed = 15,
}

/** Classes of arrays (table 1-3). */
const enum ArrayClass {
  Cell = 1,
  Struct = 2,
  Char = 4,
}

const NUMBERS: Readonly<
  Record<number, { readonly size: number; read(view: DataView, at: number, little: boolean): number }>
> = {
  1: { size: 1, read: (view, at) => view.getInt8(at) },
  2: { size: 1, read: (view, at) => view.getUint8(at) },
  3: { size: 2, read: (view, at, little) => view.getInt16(at, little) },
  4: { size: 2, read: (view, at, little) => view.getUint16(at, little) },
  5: { size: 4, read: (view, at, little) => view.getInt32(at, little) },
  6: { size: 4, read: (view, at, little) => view.getUint32(at, little) },
  7: { size: 4, read: (view, at, little) => view.getFloat32(at, little) },
  9: { size: 8, read: (view, at, little) => view.getFloat64(at, little) },
  12: { size: 8, read: (view, at, little) => Number(view.getBigInt64(at, little)) },
  13: { size: 8, read: (view, at, little) => Number(view.getBigUint64(at, little)) },
  // Text: UTF-8 and UTF-16, read as code units.
  16: { size: 1, read: (view, at) => view.getUint8(at) },
  17: { size: 2, read: (view, at, little) => view.getUint16(at, little) },
}

/**
 * Reads the variables of a MATLAB level 5 MAT-file (as `save -v6` and `-v7` write them) that hold text, real numbers,
 * cells and structs, which is what annotation files are made of.
 *
 * @throws `dataset/bad-mat` for other files and other contents.
 */
export function readMat(bytes: Uint8Array, file: string): ReadonlyMap<string, MatValue> {
  try {
    return parseMat(bytes)
  } catch (cause) {
    throw new LookalikeError(
      'dataset/bad-mat',
      {
        problem: `${file} is not a readable MAT-file: ${(cause as Error).message}`,
        expected: 'a MATLAB level 5 file, as published',
      },
      { fields: { file }, cause },
    )
  }
}

function parseMat(bytes: Uint8Array): Map<string, MatValue> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 128) throw new Error('it is shorter than the header')
  const order = String.fromCharCode(bytes[126]!, bytes[127]!)
  if (order !== 'IM' && order !== 'MI') throw new Error('it has no level 5 header')
  const little = order === 'IM'
  const variables = new Map<string, MatValue>()
  for (const element of elements(view, 128, view.byteLength, little)) {
    const inner = element.type === Type.Compressed ? inflated(element.data, little) : [element]
    for (const { type, data } of inner) {
      if (type !== Type.Matrix) continue
      const { name, value } = readMatrix(data, little)
      variables.set(name, value)
    }
  }
  return variables
}

interface Element {
  readonly type: number
  readonly data: DataView
}

function inflated(data: DataView, little: boolean): Iterable<Element> {
  const bytes = inflateSync(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  return elements(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.byteLength, little)
}

/** Elements: a tag of type and length, then the data padded to 8 bytes; up to 4 bytes of data lie inside the tag. */
function* elements(view: DataView, start: number, end: number, little: boolean): Generator<Element> {
  let at = start
  while (at + 8 <= end) {
    const tag = view.getUint32(at, little)
    const smallSize = tag >>> 16
    const type = smallSize > 0 ? tag & 0xffff : tag
    const size = smallSize > 0 ? smallSize : view.getUint32(at + 4, little)
    const from = at + (smallSize > 0 ? 4 : 8)
    if (from + size > end) throw new Error(`an element of ${size} bytes at ${at} is cut off`)
    yield { type, data: new DataView(view.buffer, view.byteOffset + from, size) }
    const padded = type === Type.Compressed ? size : Math.ceil(size / 8) * 8
    at = smallSize > 0 ? at + 8 : from + padded
  }
  if (at < end) throw new Error(`${end - at} bytes at its end are no element`)
}

function readMatrix(view: DataView, little: boolean): { name: string; value: MatValue } {
  const parts = elements(view, 0, view.byteLength, little)
  const next = () => {
    const { value } = parts.next()
    if (!value) throw new Error('an array ends too early')
    return value as Element
  }
  // An empty cell may be written as a matrix without any part.
  if (view.byteLength === 0) return { name: '', value: [] }
  const arrayClass = numbers(next(), little)[0]! & 0xff
  const count = numbers(next(), little).reduce((product, size) => product * size, 1)
  const name = text(next(), little)
  const value = (): MatValue => readMatrix(next().data, little).value
  switch (arrayClass) {
    case ArrayClass.Cell:
      return { name, value: Array.from({ length: count }, value) }
    case ArrayClass.Struct: {
      const nameLength = numbers(next(), little)[0]!
      const names = text(next(), little)
      const fields = Array.from({ length: names.length / nameLength }, (_, at) =>
        names.slice(at * nameLength, (at + 1) * nameLength).replace(/\0.*$/s, ''),
      )
      return {
        name,
        value: Array.from({ length: count }, () => Object.fromEntries(fields.map((field) => [field, value()]))),
      }
    }
    case ArrayClass.Char:
      return { name, value: text(next(), little) }
    default:
      if (arrayClass < 6 || arrayClass > 15)
        throw new Error(`the variable ${name} is of class ${arrayClass}, which annotations do not use`)
      return { name, value: numbers(next(), little) }
  }
}

function numbers({ type, data }: Element, little: boolean): number[] {
  const format = NUMBERS[type]
  if (!format) throw new Error(`numbers are of type ${type}, which is unknown`)
  return Array.from({ length: data.byteLength / format.size }, (_, at) => format.read(data, at * format.size, little))
}

function text(element: Element, little: boolean): string {
  if (element.type === 16) return new TextDecoder().decode(element.data)
  return String.fromCharCode(...numbers(element, little))
}

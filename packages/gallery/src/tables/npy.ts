/**
 * NumPy's format for arrays, version 1.0: a magic, the length of a header, the header as a Python literal, the numbers.
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */

const MAGIC = '\x93NUMPY'
/** Room for any number of rows, so that the header can be written again when they are known. */
export const NPY_HEADER_BYTES = 128

export function npyHeader(rows: number, dim: number): Buffer {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${dim}), }`
  const head = Buffer.alloc(NPY_HEADER_BYTES, ' ')
  head.write(MAGIC, 0, 'latin1')
  head.writeUInt8(1, 6)
  head.writeUInt8(0, 7)
  head.writeUInt16LE(NPY_HEADER_BYTES - 10, 8)
  head.write(text, 10, 'latin1')
  head.write('\n', NPY_HEADER_BYTES - 1, 'latin1')
  return head
}

export type NpyType = '<f2' | '<f4' | '<f8'

export interface NpyLayout {
  readonly rows: number
  readonly dim: number
  readonly type: NpyType
  /** Where the numbers begin. */
  readonly offset: number
}

export const NPY_BYTES: Readonly<Record<NpyType, number>> = { '<f2': 2, '<f4': 4, '<f8': 8 }

/**
 * Reads the beginning of a file.
 *
 * @param start the first bytes of the file, at least 10
 * @returns how many bytes of the file are needed, where `start` is too short
 * @throws Error saying what does not fit
 */
export function parseNpyHeader(start: Buffer): NpyLayout | { readonly needs: number } {
  if (start.length < 10 || start.toString('latin1', 0, 6) !== MAGIC)
    throw new Error('does not begin as an .npy file does')
  const version = start.readUInt8(6)
  if (version < 1 || version > 3) throw new Error(`has version ${version} of the format`)
  const [at, length] = version === 1 ? [10, start.readUInt16LE(8)] : [12, start.length < 12 ? 0 : start.readUInt32LE(8)]
  if (length > 1 << 16) throw new Error('has a header of more than 64 KiB')
  if (start.length < at + length || (version > 1 && start.length < 12)) return { needs: at + Math.max(length, 2) }
  const text = start.toString('latin1', at, at + length)
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(text)?.[1]
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1]
  const shape = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(text)?.[1]
  if (descr === undefined || order === undefined || shape === undefined) throw new Error('has a header that is none')
  const sizes = shape
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(Number)
  if (!(descr in NPY_BYTES)) throw new Error(`holds numbers of the type ${descr}`)
  if (order === 'True') throw new Error('holds its numbers column by column')
  if (sizes.length !== 2) throw new Error(`has the shape (${sizes.join(', ')})`)
  return { rows: sizes[0]!, dim: sizes[1]!, type: descr as NpyType, offset: at + length }
}

/** The numbers of some rows. */
export function npyNumbers(bytes: Buffer, type: NpyType): Float32Array {
  const size = NPY_BYTES[type]
  const numbers = new Float32Array(bytes.length / size)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let i = 0; i < numbers.length; i++)
    numbers[i] =
      type === '<f4' ? view.getFloat32(i * 4, true) : type === '<f8' ? view.getFloat64(i * 8, true) : half(view, i * 2)
  return numbers
}

/** IEEE 754 half precision. */
function half(view: DataView, at: number): number {
  const bits = view.getUint16(at, true)
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

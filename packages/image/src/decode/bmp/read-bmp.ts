import { setImmediate } from 'node:timers/promises'
import { createFlattener } from '../flatten.js'
import type { BmpHeader } from './read-bmp-header.js'

/** Pixels between two looks at other work: some milliseconds. */
const PIXELS_A_TURN = 1_000_000

export interface BmpPixels {
  /** RGB, top row first. */
  readonly data: Uint8Array
  /** Whether the file ends before its pixels do; those missing are black. */
  readonly truncated: boolean
}

/**
 * The pixels of a BMP file with 1, 2, 4, 8, 16, 24 or 32 bits, plain or run-length coded. Pillow's values: channels of
 * fewer than 8 bits are stretched and rounded down, an index without a palette entry is black. An alpha channel that is zero
 * everywhere is taken for unused, as browsers do.
 *
 * @throws the signal's reason
 */
export async function readBmp(
  bytes: Uint8Array,
  header: BmpHeader,
  background: readonly [number, number, number],
  signal?: AbortSignal,
): Promise<BmpPixels> {
  const { width, height, topDown } = header
  const data = new Uint8Array(width * height * 3)
  const rowAt = (row: number) => (topDown ? row : height - 1 - row) * width * 3
  const rowsATurn = Math.max(1, Math.floor(PIXELS_A_TURN / width))
  const breathe = async (row: number) => {
    if (row % rowsATurn !== rowsATurn - 1) return
    await setImmediate()
    signal?.throwIfAborted()
  }
  if (header.coding !== 'plain') {
    const { indices, truncated } = readRuns(bytes, header)
    for (let row = 0; row < height; row++) {
      const to = rowAt(row)
      for (let x = 0; x < width; x++) copyColour(header.palette, indices[row * width + x]!, data, to + x * 3)
      await breathe(row)
    }
    return { data, truncated }
  }
  const stride = Math.ceil((width * header.bits) / 32) * 4
  const used = Math.ceil((width * header.bits) / 8)
  const readRow = rowReader(bytes, header, background)
  let truncated = false
  for (let row = 0; row < height; row++) {
    const from = header.offset + row * stride
    truncated ||= from + used > bytes.length
    readRow(from, Math.min(width, Math.floor(((bytes.length - from) * 8) / header.bits)), data, rowAt(row))
    await breathe(row)
  }
  return { data, truncated }
}

type RowReader = (from: number, count: number, out: Uint8Array, to: number) => void

function rowReader(bytes: Uint8Array, header: BmpHeader, background: readonly [number, number, number]): RowReader {
  const { bits, palette } = header
  if (bits <= 8) {
    const perByte = 8 / bits
    const mask = 2 ** bits - 1
    return (from, count, out, to) => {
      for (let x = 0; x < count; x++) {
        const shift = 8 - bits - (x % perByte) * bits
        copyColour(palette, (bytes[from + Math.floor(x / perByte)]! >> shift) & mask, out, to + x * 3)
      }
    }
  }
  if (bits === 24) {
    return (from, count, out, to) => {
      for (let end = from + count * 3, i = from, j = to; i < end; i += 3, j += 3) {
        out[j] = bytes[i + 2]!
        out[j + 1] = bytes[i + 1]!
        out[j + 2] = bytes[i]!
      }
    }
  }
  return maskedReader(bytes, header, background)
}

function maskedReader(bytes: Uint8Array, header: BmpHeader, background: readonly [number, number, number]): RowReader {
  const size = header.bits / 8
  const pixel = (at: number) =>
    size === 2
      ? bytes[at]! | (bytes[at + 1]! << 8)
      : (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  const [red, green, blue] = header.masks.map(channelReader)
  const alpha = alphaReader()
  const flatten = createFlattener(background)
  return (from, count, out, to) => {
    for (let x = 0; x < count; x++) {
      const value = pixel(from + x * size)
      const at = to + x * 3
      flatten(red!(value), green!(value), blue!(value), alpha ? alpha(value) : 255, out, at)
    }
  }

  function alphaReader(): ((value: number) => number) | undefined {
    const mask = header.masks[3]
    if (mask === 0) return undefined
    const stride = Math.ceil((header.width * size) / 4) * 4
    for (let row = 0; row < header.height; row++) {
      const from = header.offset + row * stride
      for (let x = 0; x < header.width && from + (x + 1) * size <= bytes.length; x++)
        if ((pixel(from + x * size) & mask) !== 0) return channelReader(mask)
    }
    return undefined
  }
}

function channelReader(mask: number): (value: number) => number {
  if (mask === 0) return () => 0
  const shift = Math.log2((mask & -mask) >>> 0)
  const max = mask >>> shift
  return (value) => Math.floor((((value & mask) >>> shift) * 255) / max)
}

function copyColour(palette: Uint8Array, index: number, out: Uint8Array, to: number): void {
  out[to] = palette[index * 3]!
  out[to + 1] = palette[index * 3 + 1]!
  out[to + 2] = palette[index * 3 + 2]!
}

/** Run-length coded indices, in the file's order of rows. */
function readRuns(bytes: Uint8Array, header: BmpHeader): { indices: Uint8Array; truncated: boolean } {
  const { width, height, offset } = header
  const nibbles = header.coding === 'rle4'
  const indices = new Uint8Array(width * height)
  let [x, y, at] = [0, 0, offset]
  const put = (index: number) => {
    if (x < width) indices[y * width + x] = index
    x++
  }
  while (y < height) {
    if (at + 2 > bytes.length) return { indices, truncated: true }
    const [count, value] = [bytes[at]!, bytes[at + 1]!]
    at += 2
    if (count > 0) {
      for (let i = 0; i < count; i++) put(nibbles ? (i % 2 === 0 ? value >> 4 : value & 15) : value)
    } else if (value === 0) {
      x = 0
      y++
    } else if (value === 1) {
      break
    } else if (value === 2) {
      if (at + 2 > bytes.length) return { indices, truncated: true }
      x += bytes[at]!
      y += bytes[at + 1]!
      at += 2
    } else {
      const length = nibbles ? Math.ceil(value / 2) : value
      if (at + length > bytes.length) return { indices, truncated: true }
      for (let i = 0; i < value; i++) {
        const byte = bytes[at + (nibbles ? i >> 1 : i)]!
        put(nibbles ? (i % 2 === 0 ? byte >> 4 : byte & 15) : byte)
      }
      // Runs of single values are padded to 16 bits.
      at += length + (length % 2)
    }
  }
  return { indices, truncated: false }
}

import type { ImageFormat } from '../read/sniff-format.js'

/**
 * An animated GIF or a TIFF of many pages without what follows its first picture: decoders walk through all of them, and
 * files may claim any number. Others, and what is not understood, as they are.
 */
export function firstPage(bytes: Uint8Array, format: ImageFormat): Uint8Array {
  if (format === 'gif') return firstFrame(bytes)
  return format === 'tiff' ? firstDirectory(bytes) : bytes
}

function firstFrame(bytes: Uint8Array): Uint8Array {
  const tableLength = (flags: number) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0)
  /** Behind a chain of blocks, or -1 where the file ends first. */
  const skipBlocks = (from: number) => {
    let at = from
    while (bytes[at]) at += bytes[at]! + 1
    return at < bytes.length ? at + 1 : -1
  }
  let at = 13 + tableLength(bytes[10] ?? 0)
  while (bytes[at] === 0x21) {
    at = skipBlocks(at + 2)
    if (at < 0) return bytes
  }
  if (bytes[at] !== 0x2c) return bytes
  const end = skipBlocks(at + 11 + tableLength(bytes[at + 9] ?? 0))
  // A single frame is left alone, with its trailer or without.
  if (end < 0 || end + 1 >= bytes.length) return bytes
  const first = new Uint8Array(end + 1)
  first.set(bytes.subarray(0, end))
  first[end] = 0x3b
  return first
}

function firstDirectory(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 16) return bytes
  const little = bytes[0] === 0x49
  const big = view.getUint16(2, little) === 43
  const offset = (at: number) => (big ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little))
  const start = offset(big ? 8 : 4)
  const head = big ? 8 : 2
  if (start + head > bytes.length) return bytes
  const entries = big ? Number(view.getBigUint64(start, little)) : view.getUint16(start, little)
  const link = start + head + entries * (big ? 20 : 12)
  const width = big ? 8 : 4
  if (link + width > bytes.length || offset(link) === 0) return bytes
  return Buffer.from(bytes).fill(0, link, link + width)
}

import type { ImageFormat } from './sniff-format.js'

/** Whether the file ends before its format says it does; for choosing between two errors once decoding has failed. */
export function endsEarly(bytes: Uint8Array, format: ImageFormat): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  switch (format) {
    // Cameras append data after the end marker, so it need not be the last thing.
    case 'jpeg':
      return !includes(bytes, [0xff, 0xd9], 4)
    case 'png':
      return !includes(bytes, [0x49, 0x45, 0x4e, 0x44])
    case 'gif':
      return bytes.at(-1) !== 0x3b
    case 'webp':
      return bytes.length < 12 || view.getUint32(4, true) + 8 > bytes.length
    case 'svg':
      return !/<\/([\w-]+:)?svg\s*>|\/>\s*$/.test(new TextDecoder().decode(bytes.subarray(-4096)))
    case 'avif':
    case 'heic':
      return boxesEndBeyond(view)
    case 'tiff':
      return directoryBeyond(view)
    case 'bmp':
      return false
  }
}

function includes(bytes: Uint8Array, wanted: readonly number[], from = 0): boolean {
  for (let at = bytes.indexOf(wanted[0]!, from); at >= 0; at = bytes.indexOf(wanted[0]!, at + 1))
    if (wanted.every((value, i) => bytes[at + i] === value)) return true
  return false
}

/** ISO base media: boxes in a row, each with its length; 0 is to the end, 1 says that 64 bits follow. */
function boxesEndBeyond(bytes: DataView): boolean {
  let at = 0
  while (at + 8 <= bytes.byteLength) {
    const short = bytes.getUint32(at)
    if (short === 0) return false
    if (short === 1 && at + 16 > bytes.byteLength) return true
    const length = short === 1 ? Number(bytes.getBigUint64(at + 8)) : short
    // Nonsense rather than a cut.
    if (length < 8) return false
    at += length
  }
  return at !== bytes.byteLength
}

/** Most writers put the directory of a TIFF behind its pixels: a cut takes it away. */
function directoryBeyond(bytes: DataView): boolean {
  if (bytes.byteLength < 16) return true
  const little = bytes.getUint8(0) === 0x49
  const u16 = (at: number) => bytes.getUint16(at, little)
  const big = u16(2) === 43
  const directory = big ? Number(bytes.getBigUint64(8, little)) : bytes.getUint32(4, little)
  if (directory + (big ? 8 : 2) > bytes.byteLength) return true
  const entries = big ? Number(bytes.getBigUint64(directory, little)) : u16(directory)
  return directory + (big ? 8 + entries * 20 : 2 + entries * 12) > bytes.byteLength
}

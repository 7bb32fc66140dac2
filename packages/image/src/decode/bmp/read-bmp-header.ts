/** What a BMP file's headers say. */
export interface BmpHeader {
  readonly width: number
  readonly height: number
  readonly topDown: boolean
  readonly bits: 1 | 2 | 4 | 8 | 16 | 24 | 32
  readonly coding: 'plain' | 'rle4' | 'rle8' | 'jpeg' | 'png'
  /** RGB triples of the palette; empty where pixels are colours. */
  readonly palette: Uint8Array
  /** Bits of red, green, blue and alpha in a pixel of 16 or 32 bits. */
  readonly masks: readonly [number, number, number, number]
  /** Where the pixels start. */
  readonly offset: number
}

const HEADER_SIZES = [12, 16, 40, 52, 56, 64, 108, 124]

/** Whether the bytes start as a BMP file: `BM` and a header of a size that was ever defined. */
export const isBmp = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x42 &&
  bytes[1] === 0x4d &&
  bytes.length >= 18 &&
  HEADER_SIZES.includes(new DataView(bytes.buffer, bytes.byteOffset).getUint32(14, true))

/**
 * Reads the headers and the palette: OS/2 1 and 2, Windows 3, 4 and 5.
 *
 * @throws an `Error` that says in a few words what is wrong
 */
export function readBmpHeader(bytes: Uint8Array): BmpHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const need = (length: number) => {
    if (bytes.length < length) throw new Error('its header ends early')
  }
  need(18)
  const size = view.getUint32(14, true)
  need(14 + size)
  const short = size === 12
  const width = short ? view.getUint16(18, true) : view.getInt32(18, true)
  const rows = short ? view.getUint16(20, true) : view.getInt32(22, true)
  const bits = view.getUint16(short ? 24 : 28, true)
  const field = (at: number) => (size >= at + 4 - 14 ? view.getUint32(at, true) : 0)
  const compression = field(30)
  const coding = codingOf(compression, bits, size)
  if (width <= 0 || rows === 0 || rows === -(2 ** 31)) throw new Error(`its size is ${width} x ${rows}`)
  if (![1, 2, 4, 8, 16, 24, 32].includes(bits) && coding !== 'jpeg' && coding !== 'png')
    throw new Error(`it has ${bits} bits a pixel`)

  // The masks of a plain Windows 3 header follow it.
  const bitfields = coding === 'plain' && (compression === 3 || compression === 6)
  const masksAfter = bitfields && size === 40 ? (compression === 6 ? 16 : 12) : 0
  need(14 + size + masksAfter)
  const mask = (index: number) =>
    index < 3 || size >= 56 || masksAfter === 16 ? view.getUint32(54 + index * 4, true) : 0
  const masks: BmpHeader['masks'] = bitfields
    ? [mask(0), mask(1), mask(2), mask(3)]
    : bits === 16
      ? [0x7c00, 0x3e0, 0x1f, 0]
      : [0xff0000, 0xff00, 0xff, 0]
  if (bitfields && masks.every((value) => value === 0)) throw new Error('its masks of colours are empty')

  const paletteAt = 14 + size + masksAfter
  const told = view.getUint32(10, true)
  const entry = short ? 3 : 4
  const room = told > paletteAt ? Math.floor((told - paletteAt) / entry) : 256
  const entries = bits > 8 ? 0 : Math.min(field(46) || 2 ** bits, 2 ** bits, room)
  need(paletteAt + entries * entry)
  const palette = new Uint8Array(bits > 8 ? 0 : 3 * 2 ** bits)
  for (let i = 0; i < entries; i++)
    for (let channel = 0; channel < 3; channel++) palette[i * 3 + channel] = bytes[paletteAt + i * entry + 2 - channel]!
  return {
    width,
    height: Math.abs(rows),
    topDown: rows < 0,
    bits: bits as BmpHeader['bits'],
    coding,
    palette,
    masks,
    offset: told >= paletteAt ? told : paletteAt + entries * entry,
  }
}

function codingOf(compression: number, bits: number, size: number): BmpHeader['coding'] {
  const os2 = size === 16 || size === 64
  if (compression === 0) return 'plain'
  if (compression === 1 && bits === 8) return 'rle8'
  if (compression === 2 && bits === 4) return 'rle4'
  if (!os2 && (compression === 3 || compression === 6) && (bits === 16 || bits === 32)) return 'plain'
  if (!os2 && compression === 4) return 'jpeg'
  if (!os2 && compression === 5) return 'png'
  throw new Error(`its compression ${compression} with ${bits} bits a pixel is not known`)
}

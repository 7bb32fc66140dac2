/** Writes a pixel over a background, in Pillow's rounding of a blend: exact division by 255. */
export type Flattener = (red: number, green: number, blue: number, alpha: number, out: Uint8Array, to: number) => void

export function createFlattener([r, g, b]: readonly [number, number, number]): Flattener {
  const blend = (over: number, under: number, alpha: number) => {
    const sum = over * alpha + under * (255 - alpha) + 128
    return ((sum >> 8) + sum) >> 8
  }
  return (red, green, blue, alpha, out, to) => {
    out[to] = blend(red, r, alpha)
    out[to + 1] = blend(green, g, alpha)
    out[to + 2] = blend(blue, b, alpha)
  }
}

/**
 * Grey, grey with alpha, RGB or RGBA of 8 bits as RGB, in the same memory where it has room.
 *
 * @param data `pixels * channels` values
 */
export function toRgb(data: Uint8Array, channels: number, background: readonly [number, number, number]): Uint8Array {
  if (channels === 3) return data
  const words = channels === 4 ? wordsOf(data) : undefined
  if (words && isOpaque(data)) return packOpaque(data, words)
  const pixels = data.length / channels
  // RGBA becomes shorter: what is written lies behind what is still read.
  const out = channels > 3 ? data : new Uint8Array(pixels * 3)
  const flatten = createFlattener(background)
  const grey = channels < 3
  for (let i = 0, from = 0; i < pixels; i++, from += channels) {
    const red = data[from]!
    const alpha = channels === 2 ? data[from + 1]! : channels >= 4 ? data[from + 3]! : 255
    const green = grey ? red : data[from + 1]!
    const blue = grey ? red : data[from + 2]!
    if (alpha === 255) {
      // What the blend would give, for most pixels of most pictures.
      out[i * 3] = red
      out[i * 3 + 1] = green
      out[i * 3 + 2] = blue
    } else flatten(red, green, blue, alpha, out, i * 3)
  }
  return out.subarray(0, pixels * 3)
}

/** The pixels as words, red lowest, where they can be seen so. */
function wordsOf({ buffer, byteOffset, length }: Uint8Array): Uint32Array | undefined {
  return LITTLE_ENDIAN && byteOffset % 4 === 0 ? new Uint32Array(buffer, byteOffset, length / 4) : undefined
}
const LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1

/** Whether no pixel of RGBA is seen through. */
export function isOpaque(rgba: Uint8Array): boolean {
  const words = wordsOf(rgba)
  if (!words) return rgba.every((value, i) => i % 4 !== 3 || value === 255)
  let all = -1
  for (let i = 0; i < words.length; i++) all &= words[i]!
  return all >>> 24 === 255
}

/** RGBA as RGB in the same memory: four pixels, which are four words, become three. */
function packOpaque(rgba: Uint8Array, words: Uint32Array): Uint8Array {
  const pixels = words.length
  const fours = pixels >> 2
  for (let i = 0, from = 0, to = 0; i < fours; i++, from += 4, to += 3) {
    const a = words[from]!
    const b = words[from + 1]!
    const c = words[from + 2]!
    const d = words[from + 3]!
    words[to] = (a & 0xffffff) | (b << 24)
    words[to + 1] = ((b >>> 8) & 0xffff) | (c << 16)
    words[to + 2] = ((c >>> 16) & 0xff) | (d << 8)
  }
  for (let i = fours * 4; i < pixels; i++) rgba.copyWithin(i * 3, i * 4, i * 4 + 3)
  return rgba.subarray(0, pixels * 3)
}

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

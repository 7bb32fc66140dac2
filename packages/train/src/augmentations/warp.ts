import type { RawImage } from '@lookalike/core'

/** `[a, b, c, d, e, f]`: where the pixel (x, y) of the result comes from, (a x + b y + c, d x + e y + f), pixel centres at whole numbers. */
export type InverseMap = readonly [number, number, number, number, number, number]

export interface Motion {
  /** Radians, clockwise as seen. */
  readonly angle: number
  /** The result is larger by it. */
  readonly scale: number
  /** Radians, along the width. */
  readonly shear: number
  /** Pixels. */
  readonly shiftX: number
  /** Pixels. */
  readonly shiftY: number
}

/** The inverse of: shear, scale and turn about the image's centre, then shift. */
export function inverseMap({ width, height }: RawImage, { angle, scale, shear, shiftX, shiftY }: Motion): InverseMap {
  const cx = (width - 1) / 2
  const cy = (height - 1) / 2
  const cos = Math.cos(angle) / scale
  const sin = Math.sin(angle) / scale
  const tan = Math.tan(shear)
  const [a, b] = [cos + tan * sin, sin - tan * cos]
  const [d, e] = [-sin, cos]
  const px = cx + shiftX
  const py = cy + shiftY
  return [a, b, cx - a * px - b * py, d, e, cy - d * px - e * py]
}

/** Moves the pixels of an image, bilinear, with `fill` outside. */
export function warp(
  image: RawImage,
  [a, b, c, d, e, f]: InverseMap,
  fill: readonly [number, number, number],
): RawImage {
  const { data, width, height } = image
  const out = new Uint8Array(data.length)
  const row = width * 3
  let to = 0
  for (let y = 0; y < height; y++) {
    let sx = b * y + c
    let sy = e * y + f
    for (let x = 0; x < width; x++, to += 3, sx += a, sy += d) {
      const x0 = Math.floor(sx)
      const y0 = Math.floor(sy)
      if (x0 < -1 || y0 < -1 || x0 >= width || y0 >= height) {
        out[to] = fill[0]
        out[to + 1] = fill[1]
        out[to + 2] = fill[2]
        continue
      }
      const fx = sx - x0
      const fy = sy - y0
      const inside = x0 >= 0 && y0 >= 0 && x0 + 1 < width && y0 + 1 < height
      const from = y0 * row + x0 * 3
      for (let channel = 0; channel < 3; channel++) {
        const i = from + channel
        const edge = fill[channel]!
        const top = inside || (y0 >= 0 && x0 >= 0) ? data[i]! : edge
        const topRight = inside || (y0 >= 0 && x0 + 1 < width) ? data[i + 3]! : edge
        const bottom = inside || (y0 + 1 < height && x0 >= 0) ? data[i + row]! : edge
        const bottomRight = inside || (y0 + 1 < height && x0 + 1 < width) ? data[i + row + 3]! : edge
        const upper = top + fx * (topRight - top)
        out[to + channel] = Math.round(upper + fy * (bottom + fx * (bottomRight - bottom) - upper))
      }
    }
  }
  return { data: out, width, height }
}

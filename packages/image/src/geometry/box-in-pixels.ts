import { type Box, LookalikeError, type RawImage } from '@lookalike/core'
import type { PixelBox } from '../resample/resample.js'

/**
 * A box of fractions as whole pixels, at least one.
 *
 * @throws `image/box` when it is empty or reaches out of the image.
 */
export function boxInPixels(
  box: Box,
  image: { readonly width: number; readonly height: number },
  name: string,
): PixelBox {
  const tolerance = 1e-6
  const sound = (from: number, length: number) => from >= -tolerance && length > 0 && from + length <= 1 + tolerance
  if (!sound(box.x, box.width) || !sound(box.y, box.height)) {
    throw new LookalikeError(
      'image/box',
      {
        problem: `The box x ${box.x}, y ${box.y}, width ${box.width}, height ${box.height} does not lie in ${name}`,
        expected:
          "fractions of the upright image's width and height: x + width and y + height at most 1, neither empty",
        fix: 'Divide boxes in pixels by the size of the image.',
      },
      { fields: { source: name, box } },
    )
  }
  const edges = (from: number, length: number, size: number) => {
    const start = Math.min(size - 1, Math.max(0, Math.round(from * size)))
    return { start, length: Math.max(1, Math.min(size, Math.round((from + length) * size)) - start) }
  }
  const across = edges(box.x, box.width, image.width)
  const down = edges(box.y, box.height, image.height)
  return { left: across.start, top: down.start, width: across.length, height: down.length }
}

export function cutOut(image: RawImage, { left, top, width, height }: PixelBox): RawImage {
  const data = new Uint8Array(width * height * 3)
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * image.width + left) * 3
    data.set(image.data.subarray(from, from + width * 3), y * width * 3)
  }
  return { data, width, height }
}

import type { Interpolation, RawImage } from '@lookalike/core'
import { type PixelBox, resample } from './resample.js'

/**
 * Resizes decoded pixels, or a box of them in whole pixels, as Pillow's `crop(box).resize((width, height), filter)`
 * does, to the bit. Kernels widen when shrinking, so nothing aliases.
 */
export function resizeImage(
  image: RawImage,
  width: number,
  height: number,
  interpolation: Interpolation = 'bicubic',
  region: PixelBox = { left: 0, top: 0, width: image.width, height: image.height },
): RawImage {
  const pixels = resample(image, { region, width, height, window: { left: 0, top: 0, width, height }, interpolation })
  return { data: pixels, width, height }
}

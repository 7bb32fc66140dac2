import type { Preprocessing } from '@lookalike/core'
import type { PixelBox } from '../resample/resample.js'

interface PreprocessingGeometry {
  /** Size to which the whole image is resized. */
  readonly width: number
  readonly height: number
  /** The part of the resized image that ends up in the model's input. */
  readonly window: PixelBox
  /** Where the window lies in the model's input; around it is background. */
  readonly left: number
  readonly top: number
}

/** torchvision's `Resize` and `CenterCrop` arithmetic for an image of `width` x `height` pixels. */
export function preprocessingGeometry(
  width: number,
  height: number,
  { resize, crop }: Pick<Preprocessing, 'resize' | 'crop'>,
): PreprocessingGeometry {
  const resized = resizedSize(width, height, resize, crop)
  const across = centre(resized.width, crop.width)
  const down = centre(resized.height, crop.height)
  return {
    ...resized,
    window: { left: across.from, top: down.from, width: across.length, height: down.length },
    left: across.to,
    top: down.to,
  }
}

function resizedSize(
  width: number,
  height: number,
  resize: Preprocessing['resize'],
  crop: Preprocessing['crop'],
): { width: number; height: number } {
  switch (resize.mode) {
    case 'squash':
      return { width: resize.width ?? crop.width, height: resize.height ?? crop.height }
    case 'shortest-edge': {
      const long = (size: number, longer: number, shorter: number) => Math.max(1, Math.trunc((size * longer) / shorter))
      return width <= height
        ? { width: resize.size, height: long(resize.size, height, width) }
        : { width: long(resize.size, width, height), height: resize.size }
    }
    case 'pad': {
      const scale = Math.min(crop.width / width, crop.height / height)
      const fit = (edge: number, limit: number) => Math.min(limit, Math.max(1, Math.round(edge * scale)))
      return { width: fit(width, crop.width), height: fit(height, crop.height) }
    }
  }
}

function centre(size: number, crop: number): { from: number; to: number; length: number } {
  if (size >= crop) return { from: roundHalfToEven((size - crop) / 2), to: 0, length: crop }
  return { from: 0, to: Math.floor((crop - size) / 2), length: size }
}

/** Python's `round`. */
function roundHalfToEven(value: number): number {
  const down = Math.floor(value)
  if (value - down !== 0.5) return Math.round(value)
  return down % 2 === 0 ? down : down + 1
}

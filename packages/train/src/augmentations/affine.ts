import { type Augmentation, definePlugin } from '@lookalike/core'
import { z } from 'zod'
import { fill, probability, range } from './option-schemas.js'
import { inverseMap, warp } from './warp.js'

const options = z.strictObject({
  degrees: z.number().min(0).max(180).default(10).describe('Turned by up to this angle either way.'),
  translate: z.number().min(0).max(1).default(0.1).describe('Shifted by up to this share of width and height.'),
  scale: range(0.8, 1.2).describe('Size, lowest and highest; 1 keeps it. Drawn evenly in its logarithm.'),
  stretch: z
    .number()
    .min(1)
    .default(1)
    .describe('Width against height, up to this ratio either way; 1 keeps the aspect.'),
  shear: z.number().min(0).max(80).default(5).describe('Slanted by up to this angle either way, in degrees.'),
  probability: probability(1),
  fill,
})

export type AffineOptions = z.input<typeof options>

/** Small random motions of the whole image, as drawings of one thing differ in place and proportion. */
export function affine(given: AffineOptions = {}): Augmentation {
  const settings = options.parse(given)
  const radians = Math.PI / 180
  return {
    specVersion: 'v1',
    name: 'affine',
    apply(image, random) {
      if (random.next() >= settings.probability) return image
      const either = () => random.next() * 2 - 1
      const [low, high] = settings.scale
      const map = inverseMap(image, {
        angle: either() * settings.degrees * radians,
        scale: low * (high / low) ** random.next(),
        shear: either() * settings.shear * radians,
        shiftX: either() * settings.translate * image.width,
        shiftY: either() * settings.translate * image.height,
      })
      if (settings.stretch === 1) return warp(image, map, settings.fill)
      const ratio = Math.sqrt(settings.stretch ** either())
      const cx = (image.width - 1) / 2
      const cy = (image.height - 1) / 2
      // What the stretched image shows at (x, y) lies at (x / ratio, y * ratio) about the centre.
      const [a, b, c, d, e, f] = map
      const across = a / ratio
      const down = b * ratio
      return warp(
        image,
        [
          across,
          down,
          c + (a - across) * cx + (b - down) * cy,
          d / ratio,
          e * ratio,
          f + (d - d / ratio) * cx + (e - e * ratio) * cy,
        ],
        settings.fill,
      )
    },
  }
}

export const affinePlugin = definePlugin({
  specVersion: 'v1',
  kind: 'augmentation',
  name: 'affine',
  description: 'Turns, shifts, scales, stretches and slants the image a little.',
  options,
  create: affine,
})

declare module '@lookalike/core' {
  interface AugmentationPlugins {
    affine: AffineOptions
  }
}

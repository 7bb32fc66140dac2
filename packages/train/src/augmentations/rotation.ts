import { type Augmentation, definePlugin } from '@lookalike/core'
import { z } from 'zod'
import { fill, probability } from './option-schemas.js'
import { inverseMap, warp } from './warp.js'

const options = z.strictObject({
  degrees: z.number().min(0).max(180).default(15).describe('Turned by up to this angle either way.'),
  probability: probability(1),
  fill,
})

export type RotationOptions = z.input<typeof options>

/** Turns a picture by a random angle within the bounds given, in degrees. */
export function rotation(given: RotationOptions = {}): Augmentation {
  const settings = options.parse(given)
  return {
    specVersion: 'v1',
    name: 'rotation',
    apply(image, random) {
      if (random.next() >= settings.probability) return image
      const angle = ((random.next() * 2 - 1) * settings.degrees * Math.PI) / 180
      return warp(image, inverseMap(image, { angle, scale: 1, shear: 0, shiftX: 0, shiftY: 0 }), settings.fill)
    },
  }
}

export const rotationPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'augmentation',
  name: 'rotation',
  description: 'Turns the image about its centre.',
  options,
  create: rotation,
})

declare module '@lookalike/core' {
  interface AugmentationPlugins {
    rotation: RotationOptions
  }
}

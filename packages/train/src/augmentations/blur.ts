import { type Augmentation, definePlugin } from '@lookalike/core'
import { z } from 'zod'
import { gaussianBlur } from './gaussian-blur.js'
import { probability, range } from './option-schemas.js'

const options = z.strictObject({
  sigma: range(0.1, 1).describe('Width of the Gaussian in pixels, lowest and highest.'),
  probability: probability(0.1),
})

export type BlurOptions = z.input<typeof options>

/** A Gaussian blur of random width; the borders repeat. */
export function blur(given: BlurOptions = {}): Augmentation {
  const { sigma, probability: share } = options.parse(given)
  return {
    specVersion: 'v1',
    name: 'blur',
    apply(image, random) {
      if (random.next() >= share) return image
      return gaussianBlur(image, sigma[0] + random.next() * (sigma[1] - sigma[0]))
    },
  }
}

export const blurPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'augmentation',
  name: 'blur',
  description: 'Blurs some images a little.',
  options,
  create: blur,
})

declare module '@lookalike/core' {
  interface AugmentationPlugins {
    blur: BlurOptions
  }
}

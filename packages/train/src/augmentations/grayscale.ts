import { type Augmentation, definePlugin } from '@lookalike/core'
import { z } from 'zod'
import { luma } from './luma.js'
import { probability } from './option-schemas.js'

const options = z.strictObject({ probability: probability(0.1) })

export type GrayscaleOptions = z.input<typeof options>

/** Takes the colours out, keeping the lightness. */
export function grayscale(given: GrayscaleOptions = {}): Augmentation {
  const settings = options.parse(given)
  return {
    specVersion: 'v1',
    name: 'grayscale',
    apply(image, random) {
      if (random.next() >= settings.probability) return image
      const { data, width, height } = image
      const out = new Uint8Array(data.length)
      for (let i = 0; i < data.length; i += 3) out.fill(luma(data, i), i, i + 3)
      return { data: out, width, height }
    },
  }
}

export const grayscalePlugin = definePlugin({
  specVersion: 'v1',
  kind: 'augmentation',
  name: 'grayscale',
  description: 'Takes the colours out of some images.',
  options,
  create: grayscale,
})

declare module '@lookalike/core' {
  interface AugmentationPlugins {
    grayscale: GrayscaleOptions
  }
}

import { type Augmentation, definePlugin } from '@lookalike/core'
import { z } from 'zod'
import { probability, range } from './option-schemas.js'

const options = z.strictObject({
  probability: probability(0.5),
  scale: range(0.02, 0.33).describe("Share of the image's area that is erased, lowest and highest."),
  ratio: range(0.3, 3.3).describe('Width to height of the erased part, lowest and highest.'),
  fill: z
    .union([z.literal('noise'), z.tuple([z.int().min(0).max(255), z.int().min(0).max(255), z.int().min(0).max(255)])])
    .default('noise')
    .describe('What comes in its place: noise, or an RGB colour, 0 to 255.'),
})

export type ErasingOptions = z.input<typeof options>

const ATTEMPTS = 10

/** Replaces a random rectangle (Zhong et al. 2020, arXiv 1708.04896). */
export function erasing(given: ErasingOptions = {}): Augmentation {
  const settings = options.parse(given)
  return {
    specVersion: 'v1',
    name: 'erasing',
    apply(image, random) {
      if (random.next() >= settings.probability) return image
      const { width, height } = image
      const [smallest, largest] = settings.scale
      const [narrow, wide] = settings.ratio
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const area = width * height * (smallest + random.next() * (largest - smallest))
        const aspect = narrow * (wide / narrow) ** random.next()
        const w = Math.round(Math.sqrt(area * aspect))
        const h = Math.round(Math.sqrt(area / aspect))
        if (w < 1 || h < 1 || w > width || h > height) continue
        const left = random.integer(width - w + 1)
        const top = random.integer(height - h + 1)
        const data = image.data.slice()
        for (let y = top; y < top + h; y++) {
          for (let i = (y * width + left) * 3; i < (y * width + left + w) * 3; i++) {
            data[i] = settings.fill === 'noise' ? random.integer(256) : settings.fill[i % 3]!
          }
        }
        return { data, width, height }
      }
      return image
    },
  }
}

export const erasingPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'augmentation',
  name: 'erasing',
  description: 'Replaces a random rectangle by noise or a colour.',
  options,
  create: erasing,
})

declare module '@lookalike/core' {
  interface AugmentationPlugins {
    erasing: ErasingOptions
  }
}

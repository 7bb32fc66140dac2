import { type Augmentation, definePlugin } from '@lookalike/core'
import { z } from 'zod'
import { probability } from './option-schemas.js'

const options = z.strictObject({ probability: probability(0.1) })

export type InvertOptions = z.input<typeof options>

/** The negative: for drawings that also come light on dark. */
export function invert(given: InvertOptions = {}): Augmentation {
  const settings = options.parse(given)
  return {
    specVersion: 'v1',
    name: 'invert',
    apply: (image, random) =>
      random.next() >= settings.probability ? image : { ...image, data: image.data.map((value) => 255 - value) },
  }
}

export const invertPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'augmentation',
  name: 'invert',
  description: 'Makes some images their own negative.',
  options,
  create: invert,
})

declare module '@lookalike/core' {
  interface AugmentationPlugins {
    invert: InvertOptions
  }
}

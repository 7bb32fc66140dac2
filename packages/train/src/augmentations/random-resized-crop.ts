import { type Augmentation, definePlugin } from '@lookalike/core'
import { resizeImage } from '@lookalike/image'
import { z } from 'zod'
import { range } from './option-schemas.js'

const options = z.strictObject({
  scale: range(0.2, 1).describe("Share of the image's area that is kept, lowest and highest."),
  ratio: range(3 / 4, 4 / 3).describe('Width to height of the part, lowest and highest.'),
  interpolation: z
    .enum(['nearest', 'bilinear', 'bicubic', 'lanczos'])
    .default('bicubic')
    .describe("Pillow's filter of that name, antialiased."),
})

export type RandomResizedCropOptions = z.input<typeof options>

const ATTEMPTS = 10

/** A random part of the image, resized to the model's input size: torchvision's `RandomResizedCrop`. */
export function randomResizedCrop(given: RandomResizedCropOptions = {}): Augmentation {
  const { scale, ratio, interpolation } = options.parse(given)
  return {
    specVersion: 'v1',
    name: 'random-resized-crop',
    apply(image, random, target) {
      const region = chooseRegion()
      return resizeImage(image, target.width, target.height, interpolation, region)

      function chooseRegion() {
        const area = image.width * image.height
        for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
          const wanted = area * (scale[0] + random.next() * (scale[1] - scale[0]))
          const aspect = Math.exp(Math.log(ratio[0]) + random.next() * Math.log(ratio[1] / ratio[0]))
          const width = Math.round(Math.sqrt(wanted * aspect))
          const height = Math.round(Math.sqrt(wanted / aspect))
          if (width < 1 || height < 1 || width > image.width || height > image.height) continue
          return {
            left: random.integer(image.width - width + 1),
            top: random.integer(image.height - height + 1),
            width,
            height,
          }
        }
        // Very long images: the largest part with a ratio in the range, from the centre.
        const aspect = Math.min(ratio[1], Math.max(ratio[0], image.width / image.height))
        const width = Math.max(1, Math.min(image.width, Math.round(image.height * aspect)))
        const height = Math.max(1, Math.min(image.height, Math.round(width / aspect)))
        return { left: (image.width - width) >> 1, top: (image.height - height) >> 1, width, height }
      }
    },
  }
}

export const randomResizedCropPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'augmentation',
  name: 'random-resized-crop',
  description: "A random part of the image, resized to the model's input size.",
  options,
  create: randomResizedCrop,
})

declare module '@lookalike/core' {
  interface AugmentationPlugins {
    'random-resized-crop': RandomResizedCropOptions
  }
}

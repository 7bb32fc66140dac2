import { type Augmentation, definePlugin } from '@lookalike/core'
import { z } from 'zod'
import { probability } from './option-schemas.js'

const options = z.strictObject({
  probability: probability(0.5),
  axis: z
    .enum(['horizontal', 'vertical'])
    .default('horizontal')
    .describe('horizontal swaps left and right, vertical top and bottom.'),
})

export type FlipOptions = z.input<typeof options>

/** Mirrors a picture, with the probability given. */
export function flip(given: FlipOptions = {}): Augmentation {
  const settings = options.parse(given)
  return {
    specVersion: 'v1',
    name: 'flip',
    apply(image, random) {
      if (random.next() >= settings.probability) return image
      const { data, width, height } = image
      const out = new Uint8Array(data.length)
      const row = width * 3
      for (let y = 0; y < height; y++) {
        if (settings.axis === 'vertical') {
          out.set(data.subarray(y * row, (y + 1) * row), (height - 1 - y) * row)
          continue
        }
        for (let from = y * row, to = (y + 1) * row - 3; from < (y + 1) * row; from += 3, to -= 3) {
          out[to] = data[from]!
          out[to + 1] = data[from + 1]!
          out[to + 2] = data[from + 2]!
        }
      }
      return { data: out, width, height }
    },
  }
}

export const flipPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'augmentation',
  name: 'flip',
  description: 'Mirrors the image.',
  options,
  create: flip,
})

declare module '@lookalike/core' {
  interface AugmentationPlugins {
    flip: FlipOptions
  }
}

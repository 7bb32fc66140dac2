import { type Augmentation, definePlugin } from '@lookalike/core'
import { z } from 'zod'
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
      const { width, height } = image
      const kernel = gaussian(sigma[0] + random.next() * (sigma[1] - sigma[0]))
      const wide = new Float32Array(image.data.length)
      for (let y = 0; y < height; y++) convolveLine(image.data, wide, y * width * 3, 3, width, kernel)
      const out = new Uint8ClampedArray(image.data.length)
      for (let x = 0; x < width; x++) convolveLine(wide, out, x * 3, width * 3, height, kernel)
      return { data: new Uint8Array(out.buffer), width, height }
    },
  }
}

/** The middle and one side, summing to 1 with the other side. */
function gaussian(sigma: number): Float32Array {
  const radius = Math.max(1, Math.ceil(3 * sigma))
  const kernel = Float32Array.from({ length: radius + 1 }, (_, i) => Math.exp(-(i * i) / (2 * sigma * sigma)))
  const sum = kernel.reduce((total, weight, i) => total + weight * (i === 0 ? 1 : 2), 0)
  return kernel.map((weight) => weight / sum)
}

function convolveLine(
  from: Uint8Array | Float32Array,
  to: Float32Array | Uint8ClampedArray,
  start: number,
  stride: number,
  length: number,
  kernel: Float32Array,
): void {
  for (let i = 0; i < length; i++) {
    for (let channel = 0; channel < 3; channel++) {
      const base = start + channel
      let sum = kernel[0]! * from[base + i * stride]!
      for (let k = 1; k < kernel.length; k++) {
        sum +=
          kernel[k]! * (from[base + Math.max(0, i - k) * stride]! + from[base + Math.min(length - 1, i + k) * stride]!)
      }
      to[base + i * stride] = sum
    }
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

import { type Augmentation, definePlugin, type Random } from '@lookalike/core'
import { z } from 'zod'
import { luma } from './luma.js'
import { probability } from './option-schemas.js'

const strength = (otherwise: number, what: string) =>
  z.number().min(0).max(1).default(otherwise).describe(`${what}: factors from 1 - x to 1 + x. 0 leaves it.`)

const options = z.strictObject({
  brightness: strength(0.4, 'Brightness'),
  contrast: strength(0.4, 'Contrast'),
  saturation: strength(0.4, 'Saturation'),
  hue: z
    .number()
    .min(0)
    .max(0.5)
    .default(0.1)
    .describe('Hue: turned by up to this share of the colour circle either way. 0 leaves it.'),
  probability: probability(1),
})

export type ColorJitterOptions = z.input<typeof options>

/** Random brightness, contrast, saturation and hue in a random order: torchvision's `ColorJitter`. */
export function colorJitter(given: ColorJitterOptions = {}): Augmentation {
  const { brightness, contrast, saturation, hue, probability: share } = options.parse(given)
  return {
    specVersion: 'v1',
    name: 'color-jitter',
    apply(image, random) {
      if (random.next() >= share) return image
      const { width, height } = image
      const pixels = image.data.slice()
      for (const step of random.permutation(4)) {
        if (step === 0 && brightness > 0) scale(pixels, factor(random, brightness), 0)
        else if (step === 1 && contrast > 0) scale(pixels, factor(random, contrast), meanLuma(pixels))
        else if (step === 2 && saturation > 0) saturate(pixels, factor(random, saturation))
        else if (step === 3 && hue > 0) turnHue(pixels, (random.next() * 2 - 1) * hue)
      }
      return { data: pixels, width, height }
    },
  }
}

const factor = (random: Random, strength: number) => 1 + (random.next() * 2 - 1) * strength

/** `pivot + factor * (value - pivot)`, of 256 possible values. */
function scale(pixels: Uint8Array, by: number, pivot: number): void {
  const table = Uint8ClampedArray.from({ length: 256 }, (_, value) => pivot + by * (value - pivot))
  for (let i = 0; i < pixels.length; i++) pixels[i] = table[pixels[i]!]!
}

function meanLuma(pixels: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < pixels.length; i += 3) sum += luma(pixels, i)
  return Math.round(sum / (pixels.length / 3))
}

function saturate(pixels: Uint8Array, by: number): void {
  const clamped = new Uint8ClampedArray(pixels.buffer, pixels.byteOffset, pixels.length)
  for (let i = 0; i < pixels.length; i += 3) {
    const grey = luma(pixels, i)
    clamped[i] = grey + by * (pixels[i]! - grey)
    clamped[i + 1] = grey + by * (pixels[i + 1]! - grey)
    clamped[i + 2] = grey + by * (pixels[i + 2]! - grey)
  }
}

/** Turns the colours by a share of the circle, keeping value and saturation (HSV). */
function turnHue(pixels: Uint8Array, turn: number): void {
  const shift = (turn - Math.floor(turn)) * 6
  for (let i = 0; i < pixels.length; i += 3) {
    const r = pixels[i]!
    const g = pixels[i + 1]!
    const b = pixels[i + 2]!
    const most = Math.max(r, g, b)
    const spread = most - Math.min(r, g, b)
    if (spread === 0) continue
    const sector = most === r ? (g - b) / spread : most === g ? 2 + (b - r) / spread : 4 + (r - g) / spread
    const h = (sector + 6 + shift) % 6
    // Each channel falls from the top by the spread, as far as its own corner of the hexagon is away.
    pixels[i] = Math.round(most - spread * fall(h, 5))
    pixels[i + 1] = Math.round(most - spread * fall(h, 3))
    pixels[i + 2] = Math.round(most - spread * fall(h, 1))
  }
}

function fall(hue: number, corner: number): number {
  const k = (corner + hue) % 6
  return Math.max(0, Math.min(k, 4 - k, 1))
}

export const colorJitterPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'augmentation',
  name: 'color-jitter',
  description: 'Random brightness, contrast, saturation and hue.',
  options,
  create: colorJitter,
})

declare module '@lookalike/core' {
  interface AugmentationPlugins {
    'color-jitter': ColorJitterOptions
  }
}

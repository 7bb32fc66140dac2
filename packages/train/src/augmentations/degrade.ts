import { type Augmentation, definePlugin, type Random, type RawImage } from '@lookalike/core'
import { resizeImage } from '@lookalike/image'
import { z } from 'zod'
import { gaussianBlur } from './gaussian-blur.js'
import { probability, shares } from './option-schemas.js'

const FAULTS = ['blur', 'low-resolution', 'occlusion', 'wrong-crop'] as const

const options = z.strictObject({
  faults: z
    .array(z.enum(FAULTS))
    .min(1)
    .refine((faults) => new Set(faults).size === faults.length, 'a fault is named twice')
    .default([...FAULTS])
    .describe('What may go wrong with an image; each one gets one of them, all as often.'),
  blur: shares(0.02, 0.06).describe(
    "Width of the Gaussian as a share of the image's shorter edge, lowest and highest.",
  ),
  lowResolution: shares(0.06, 0.15).describe('Share of the pixels of an edge that is left, lowest and highest.'),
  occlusion: shares(0.4, 0.7).describe("Share of the image's area that is hidden, lowest and highest."),
  wrongCrop: shares(0.05, 0.15).describe("Share of the image's area that is all there is, lowest and highest."),
  probability: probability(1),
})

export type DegradeOptions = z.input<typeof options>

/**
 * Images as a gallery gets them that nobody looked through: out of focus, of few pixels, hidden in part, or cut out wrongly. For
 * galleries with known faults, to measure rejection on, rather than for training; the ranges are ours.
 */
export function degrade(given: DegradeOptions = {}): Augmentation {
  const settings = options.parse(given)
  const within = ([low, high]: readonly [number, number], random: Random) => low + random.next() * (high - low)
  const faults: Record<(typeof FAULTS)[number], (image: RawImage, random: Random) => RawImage> = {
    blur: (image, random) =>
      gaussianBlur(image, Math.max(0.1, Math.min(image.width, image.height) * within(settings.blur, random))),
    'low-resolution': (image, random) => {
      const share = within(settings.lowResolution, random)
      const edge = (length: number) => Math.max(1, Math.round(length * share))
      const small = resizeImage(image, edge(image.width), edge(image.height), 'bicubic')
      return resizeImage(small, image.width, image.height, 'bicubic')
    },
    occlusion: (image, random) => occlude(image, within(settings.occlusion, random), random),
    'wrong-crop': (image, random) => {
      const edge = Math.sqrt(within(settings.wrongCrop, random))
      return resizeImage(image, image.width, image.height, 'bicubic', part(image, edge, random))
    },
  }
  return {
    specVersion: 'v1',
    name: 'degrade',
    apply(image, random) {
      if (random.next() >= settings.probability) return image
      return faults[settings.faults[random.integer(settings.faults.length)]!](image, random)
    },
  }
}

/** A part of the image with its aspect ratio, anywhere. `edge`: share of each edge. */
function part({ width, height }: RawImage, edge: number, random: Random) {
  const w = Math.max(1, Math.round(width * edge))
  const h = Math.max(1, Math.round(height * edge))
  return { left: random.integer(width - w + 1), top: random.integer(height - h + 1), width: w, height: h }
}

/** Hides a part behind one colour. */
function occlude(image: RawImage, area: number, random: Random): RawImage {
  const { left, top, width, height } = part(image, Math.sqrt(area), random)
  const colour = [random.integer(256), random.integer(256), random.integer(256)]
  const data = image.data.slice()
  for (let y = top; y < top + height; y++) {
    const start = (y * image.width + left) * 3
    for (let i = 0; i < width * 3; i++) data[start + i] = colour[i % 3]!
  }
  return { ...image, data }
}

export const degradePlugin = definePlugin({
  specVersion: 'v1',
  kind: 'augmentation',
  name: 'degrade',
  description:
    'Spoils images as careless galleries have them: blurred, of few pixels, hidden in part or cut out wrongly.',
  options,
  create: degrade,
})

declare module '@lookalike/core' {
  interface AugmentationPlugins {
    degrade: DegradeOptions
  }
}

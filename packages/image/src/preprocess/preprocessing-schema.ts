import type { Preprocessing } from '@lookalike/core'
import * as z from 'zod'

const pixels = () => z.int().min(1).max(16_384)
const three = (item: z.ZodNumber) => z.tuple([item, item, item]).readonly()

/** Validates a preprocessing spec in configs and beside weights, and fills its defaults in. */
export const preprocessingSchema = z
  .strictObject({
    resize: z
      .discriminatedUnion('mode', [
        z.strictObject({
          mode: z.literal('shortest-edge'),
          size: pixels().describe('The shorter edge after resizing, in pixels.'),
        }),
        z.strictObject({
          mode: z.literal('squash'),
          width: pixels().exactOptional().describe('Pixels; by default the crop width.'),
          height: pixels().exactOptional().describe('Pixels; by default the crop height.'),
        }),
        z.strictObject({ mode: z.literal('pad') }),
      ])
      .describe(
        'shortest-edge keeps the aspect ratio, squash does not, pad fits the whole image in and fills the rest.',
      ),
    crop: z
      .strictObject({ width: pixels(), height: pixels() })
      .describe("The model's input size in pixels, cut from the centre."),
    interpolation: z
      .enum(['nearest', 'box', 'bilinear', 'hamming', 'bicubic', 'lanczos'])
      .default('bicubic')
      .describe("Pillow's filter of that name, antialiased."),
    background: three(z.int().min(0).max(255))
      .default([255, 255, 255])
      .describe('RGB, 0 to 255, under transparent pixels and around padded images.'),
    scale: z
      .number()
      .positive()
      .default(1 / 255)
      .describe('Multiplies the pixel value of 0 to 255.'),
    mean: three(z.number())
      .default([0.485, 0.456, 0.406])
      .describe("RGB, subtracted after scaling; default: ImageNet's."),
    std: three(z.number().positive())
      .default([0.229, 0.224, 0.225])
      .describe("RGB, divides after the mean; default: ImageNet's."),
    channels: z.enum(['rgb', 'bgr']).default('rgb').describe('Channel order of the model.'),
    layout: z.enum(['nchw', 'nhwc']).default('nchw').describe('Tensor layout of the model.'),
  })
  .refine(
    ({ scale, mean, std }) =>
      mean.every((value, i) =>
        [0, 255].every((pixel) => Number.isFinite(Math.fround((pixel * scale - value) / std[i]!))),
      ),
    {
      path: ['std'],
      error: 'scale, mean and std make values that no float32 holds',
    },
  ) satisfies z.ZodType<Preprocessing>

const fields = preprocessingSchema.shape
const optional = <T extends z.ZodType>(field: z.ZodDefault<T>) =>
  field.unwrap().exactOptional().describe(field.description!)

/** What a config says otherwise than the model: any of the fields, and the rest stays. */
export const preprocessingChangesSchema = z.strictObject({
  resize: fields.resize.exactOptional().describe(fields.resize.description!),
  crop: fields.crop.exactOptional().describe(fields.crop.description!),
  interpolation: optional(fields.interpolation),
  background: optional(fields.background),
  scale: optional(fields.scale),
  mean: optional(fields.mean),
  std: optional(fields.std),
  channels: optional(fields.channels),
  layout: optional(fields.layout),
})

/**
 * A preprocessing spec in one line that holds every field: equal lines mean equal pixels, so it can be part of a space id.
 *
 * @example
 * describePreprocessing(spec) // 'shortest-edge 248 bicubic, crop 224x224, background 255 255 255, scale 0.0039..., ...'
 */
export function describePreprocessing(preprocessing: Preprocessing): string {
  const { resize, crop, interpolation, background, scale, mean, std, channels, layout } = preprocessing
  const sizes = {
    'shortest-edge': () => ` ${(resize as { size: number }).size}`,
    squash: () => {
      const { width, height } = resize as { width?: number | undefined; height?: number }
      return ` ${width ?? crop.width}x${height ?? crop.height}`
    },
    pad: () => '',
  }
  return [
    `${resize.mode}${sizes[resize.mode]()} ${interpolation}`,
    `crop ${crop.width}x${crop.height}`,
    `background ${background.join(' ')}`,
    `scale ${scale}`,
    `mean ${mean.join(' ')}`,
    `std ${std.join(' ')}`,
    channels,
    layout,
  ].join(', ')
}

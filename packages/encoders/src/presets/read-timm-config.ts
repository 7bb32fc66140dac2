import type { Interpolation, Preprocessing } from '@lookalike/core'
import * as z from 'zod'
import { configError } from './config-error.js'

const edge = z.int().positive()
const three = z.tuple([z.number(), z.number(), z.number()])
const INTERPOLATIONS = [
  'nearest',
  'bilinear',
  'bicubic',
  'lanczos',
  'box',
  'hamming',
] as const satisfies Interpolation[]

const schema = z.looseObject({
  input_size: z.tuple([z.literal(3), edge, edge]),
  interpolation: z.enum(INTERPOLATIONS).nullish(),
  crop_pct: z.number().positive().nullish(),
  crop_mode: z.enum(['center', 'squash']).nullish(),
  mean: three.nullish(),
  std: three.nullish(),
})

/**
 * The preprocessing of a model of timm, from the `pretrained_cfg` in its `config.json`; undefined where the file is another. As timm evaluates:
 * the image is resized to the input's size divided by `crop_pct`, and the centre is cut out (Wightman, pytorch-image-models).
 *
 * @throws `preprocessing/config` naming the key.
 */
export function readTimmConfig(json: unknown, name: string): Preprocessing | undefined {
  const given = (json as { readonly pretrained_cfg?: unknown } | null | undefined)?.pretrained_cfg
  if (typeof given !== 'object' || given === null) return undefined
  const parsed = schema.safeParse(given)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw configError(name, `${['pretrained_cfg', ...(issue?.path ?? [])].join('.')}: ${issue?.message ?? 'invalid'}`)
  }
  const { input_size, interpolation, crop_pct, crop_mode, mean, std } = parsed.data
  const [, height, width] = input_size
  const share = crop_pct ?? 0.875
  const scaled = (value: number) => Math.floor(value / share)
  if (crop_mode !== 'squash' && height !== width)
    throw configError(
      name,
      `pretrained_cfg.input_size is ${height} x ${width}, and only squares are cut from the centre`,
    )
  return {
    resize:
      crop_mode === 'squash'
        ? { mode: 'squash', width: scaled(width), height: scaled(height) }
        : { mode: 'shortest-edge', size: scaled(height) },
    crop: { width, height },
    interpolation: interpolation ?? 'bicubic',
    background: [255, 255, 255],
    scale: 1 / 255,
    mean: mean ?? [0.485, 0.456, 0.406],
    std: std ?? [0.229, 0.224, 0.225],
    channels: 'rgb',
    layout: 'nchw',
  }
}

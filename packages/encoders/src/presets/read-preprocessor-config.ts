import { type Interpolation, LookalikeError, type Preprocessing } from '@lookalike/core'
import { z } from 'zod'

const size = z.union([
  z.int().positive(),
  z.looseObject({ shortest_edge: z.int().positive() }),
  z.looseObject({ height: z.int().positive(), width: z.int().positive() }),
])
const triple = z.tuple([z.number(), z.number(), z.number()])

/** The keys that matter here; a processor's other keys concern tasks that have no place in an encoder. */
const preprocessorConfig = z.looseObject({
  image_processor_type: z.string().optional(),
  feature_extractor_type: z.string().optional(),
  do_resize: z.boolean().default(true),
  size: size.optional(),
  resample: z.int().min(0).max(5).optional(),
  crop_pct: z.number().positive().nullish(),
  do_center_crop: z.boolean().optional(),
  crop_size: size.optional(),
  do_rescale: z.boolean().default(true),
  rescale_factor: z
    .number()
    .positive()
    .default(1 / 255),
  do_normalize: z.boolean().default(true),
  image_mean: triple.optional(),
  image_std: triple.optional(),
})
type Config = z.infer<typeof preprocessorConfig>

/** Pillow's numbers. */
const RESAMPLE: readonly Interpolation[] = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box', 'hamming']

/** What a kind of processor does where its file is silent. */
interface Defaults {
  /** Whether a lone number is the length of the short edge; else both edges get it. */
  readonly shortest: boolean
  readonly size: number
  readonly resample: Interpolation
  readonly centerCrop: boolean
  readonly cropSize: number
  readonly mean: readonly [number, number, number]
  readonly std: readonly [number, number, number]
}

const half = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const
const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const
const clip = { mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711] } as const

const DEFAULTS: Readonly<Record<string, Defaults>> = {
  ViT: { shortest: false, size: 224, resample: 'bilinear', centerCrop: false, cropSize: 224, ...half },
  DeiT: { shortest: false, size: 256, resample: 'bicubic', centerCrop: true, cropSize: 224, ...imagenet },
  Bit: { shortest: true, size: 256, resample: 'bicubic', centerCrop: true, cropSize: 224, ...imagenet },
  CLIP: { shortest: true, size: 224, resample: 'bicubic', centerCrop: true, cropSize: 224, ...clip },
  Siglip: { shortest: false, size: 224, resample: 'bicubic', centerCrop: false, cropSize: 224, ...half },
  ConvNext: { shortest: true, size: 384, resample: 'bilinear', centerCrop: false, cropSize: 384, ...imagenet },
}

/**
 * A `preprocessor_config.json` as a preprocessing spec: resize, centre crop, rescale and normalise with the reference
 * implementation's defaults for the processors of ViT, DeiT, DINO (ViT), DINOv2 (Bit), CLIP, SigLIP and ConvNeXt; others are read
 * like ViT's.
 *
 * @param name The file's name, for errors.
 * @throws `preprocessing/config` naming the key.
 */
export function readPreprocessorConfig(json: unknown, name: string): Preprocessing {
  const parsed = preprocessorConfig.safeParse(json)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw configError(name, `${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'invalid'}`)
  }
  const config = parsed.data
  const kind = (config.image_processor_type ?? config.feature_extractor_type ?? 'ViT').replace(
    /(ImageProcessor|FeatureExtractor)(Fast)?$/,
    '',
  )
  const defaults = DEFAULTS[kind] ?? DEFAULTS['ViT']!
  const { resize, crop } = geometry(config, kind, defaults, name)
  return {
    resize,
    crop,
    interpolation: config.resample === undefined ? defaults.resample : RESAMPLE[config.resample]!,
    background: [255, 255, 255],
    scale: config.do_rescale ? config.rescale_factor : 1,
    mean: config.do_normalize ? (config.image_mean ?? defaults.mean) : [0, 0, 0],
    std: config.do_normalize ? (config.image_std ?? defaults.std) : [1, 1, 1],
    channels: 'rgb',
    layout: 'nchw',
  }
}

function geometry(
  config: Config,
  kind: string,
  defaults: Defaults,
  name: string,
): Pick<Preprocessing, 'resize' | 'crop'> {
  if (!config.do_resize) {
    throw configError(name, 'do_resize is false, so images would keep their own sizes and could not share a batch')
  }
  const wanted = config.size ?? defaults.size
  const short =
    typeof wanted === 'number'
      ? defaults.shortest
        ? wanted
        : undefined
      : 'height' in wanted
        ? undefined
        : (wanted.shortest_edge as number)
  if (kind === 'ConvNext') return convNext(short ?? edges(wanted as number, name).height, config.crop_pct ?? 224 / 256)
  const cropped = config.do_center_crop ?? defaults.centerCrop
  const crop = cropped ? edges(config.crop_size ?? defaults.cropSize, name) : undefined
  if (short !== undefined) {
    if (!crop) {
      throw configError(
        name,
        'the short edge is resized but nothing is cropped, so images of other shapes could not share a batch',
      )
    }
    return { resize: { mode: 'shortest-edge', size: short }, crop }
  }
  const squashed = edges(wanted, name)
  if (!crop || (crop.width === squashed.width && crop.height === squashed.height))
    return { resize: { mode: 'squash' }, crop: squashed }
  return { resize: { mode: 'squash', ...squashed }, crop }
}

/** Below 384 pixels the short edge becomes `size / crop_pct` and the centre is cut out; larger inputs are squashed. */
function convNext(edge: number, cropShare: number): Pick<Preprocessing, 'resize' | 'crop'> {
  const crop = { width: edge, height: edge }
  if (edge >= 384) return { resize: { mode: 'squash' }, crop }
  return { resize: { mode: 'shortest-edge', size: Math.trunc(edge / cropShare) }, crop }
}

function edges(value: z.infer<typeof size>, name: string): { width: number; height: number } {
  if (typeof value === 'number') return { width: value, height: value }
  if ('height' in value) return { width: value.width as number, height: value.height as number }
  throw configError(name, 'crop_size has no height and width')
}

const configError = (name: string, problem: string) =>
  new LookalikeError(
    'preprocessing/config',
    {
      problem: `${name}: ${problem}`,
      expected: "an image processor's preprocessor_config.json",
      fix: 'Give the option `preprocessing` to say it yourself.',
    },
    { fields: { file: name } },
  )

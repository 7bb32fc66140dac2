import type { Interpolation } from '@lookalike/core'
import { configError } from './config-error.js'
import type { ProcessorConfig } from './processor-config.js'

/** What a kind of processor does where its file is silent. */
export interface Defaults {
  /** Whether a lone number is the length of the short edge; else both edges get it. */
  readonly shortest: boolean
  readonly size: number
  readonly resample: Interpolation
  readonly centerCrop: boolean
  readonly cropSize: number
  readonly mean: readonly [number, number, number]
  readonly std: readonly [number, number, number]
  /** Defaults: values are scaled, by 1/255, and normalised; channels are not flipped. */
  readonly rescale?: boolean | undefined
  readonly factor?: number | undefined
  readonly normalise?: boolean | undefined
  readonly flip?: boolean | undefined
}

const half = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const
const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const
const clip = { mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711] } as const

const squash = { shortest: false, centerCrop: false } as const
const short = { shortest: true, centerCrop: true } as const

/** Of the reference implementation (Hugging Face's transformers), by the name of the processor without its ending. */
const DEFAULTS: Readonly<Record<string, Defaults>> = {
  ViT: { ...squash, size: 224, resample: 'bilinear', cropSize: 224, ...half },
  DeiT: { ...squash, centerCrop: true, size: 256, resample: 'bicubic', cropSize: 224, ...imagenet },
  Beit: { ...squash, size: 256, resample: 'bicubic', cropSize: 224, ...half },
  Bit: { ...short, size: 224, resample: 'bicubic', cropSize: 224, ...clip },
  CLIP: { ...short, size: 224, resample: 'bicubic', cropSize: 224, ...clip },
  ChineseCLIP: { ...short, size: 224, resample: 'bicubic', cropSize: 224, ...clip },
  Siglip: { ...squash, size: 224, resample: 'bicubic', cropSize: 224, ...half },
  Blip: { ...squash, size: 384, resample: 'bicubic', cropSize: 384, ...clip },
  DINOv3ViT: { ...squash, size: 224, resample: 'bilinear', cropSize: 224, ...imagenet },
  Pvt: { ...squash, size: 224, resample: 'bilinear', cropSize: 224, ...imagenet },
  ConvNext: { shortest: true, centerCrop: false, size: 384, resample: 'bilinear', cropSize: 384, ...imagenet },
  PoolFormer: { ...short, size: 224, resample: 'bicubic', cropSize: 224, ...imagenet },
  LeViT: { ...short, size: 224, resample: 'bicubic', cropSize: 224, ...imagenet },
  Levit: { ...short, size: 224, resample: 'bicubic', cropSize: 224, ...imagenet },
  MobileNetV1: { ...short, size: 256, resample: 'bilinear', cropSize: 224, ...half },
  MobileNetV2: { ...short, size: 256, resample: 'bilinear', cropSize: 224, ...half },
  MobileViT: { ...short, size: 224, resample: 'bilinear', cropSize: 256, ...half, normalise: false, flip: true },
  EfficientNet: { ...squash, size: 346, resample: 'nearest', cropSize: 289, ...imagenet },
}

/** The kind of a processor and its defaults. One that is not known must say everything itself. @throws `preprocessing/config` */
export function processorDefaults(
  config: ProcessorConfig,
  name: string,
): { readonly kind: string; readonly defaults: Defaults } {
  const type = config.image_processor_type ?? config.feature_extractor_type
  const kind = (type ?? 'ViT').replace(/(ImageProcessor|FeatureExtractor)(Fast|Pil)?$/, '')
  const known = DEFAULTS[kind]
  if (known) return { kind, defaults: known }
  const needed = ['size', 'resample', ...(config.do_normalize === false ? [] : ['image_mean', 'image_std'])]
  const missing = needed.filter((key) => config[key] === undefined)
  if (missing.length === 0) return { kind, defaults: DEFAULTS['ViT']! }
  throw configError(name, `the processor ${type} is not known, and the file does not say ${missing.join(', ')}`)
}

import type { Preprocessing } from '@lookalike/core'
import { preprocessingSchema } from '@lookalike/image'
import { checkKeys } from './check-keys.js'
import { configError } from './config-error.js'
import { type ProcessorConfig, parseProcessorConfig } from './processor-config.js'
import { processorDefaults } from './processor-defaults.js'
import { geometryOf } from './processor-geometry.js'
import { readTimmConfig } from './read-timm-config.js'

/**
 * A model repository's file about its images as a preprocessing spec: `preprocessor_config.json`, `processor_config.json` (the image processor
 * inside it), or timm's `config.json`. Every key that changes pixels is obeyed, or refused by name; where the file is silent, the reference
 * implementation's defaults for its kind of processor hold.
 *
 * @param name The file's name, for errors.
 * @throws `preprocessing/config` naming the key.
 */
export function readPreprocessorConfig(json: unknown, name: string): Preprocessing {
  return checked(readTimmConfig(json, name) ?? readProcessorConfig(json, name), name)
}

/** What is read is held to what an option must be: a deviation of 0 divides nothing. */
function checked(spec: Preprocessing, name: string): Preprocessing {
  const result = preprocessingSchema.safeParse(spec)
  if (result.success) return spec
  const issue = result.error.issues[0]
  const value = issue?.path.reduce((node: unknown, key) => (node as Record<PropertyKey, unknown>)[key], spec)
  throw configError(name, `${issue?.path.join('.')} comes to ${JSON.stringify(value)}: ${issue?.message}`)
}

function readProcessorConfig(json: unknown, name: string): Preprocessing {
  const config = parseProcessorConfig(json, name)
  const { kind, defaults } = processorDefaults(config, name)
  const { resize, crop } = geometryOf(config, kind, defaults, name)
  checkKeys(config, crop, name)
  return {
    resize,
    crop,
    interpolation: config.resample ?? defaults.resample,
    background: [255, 255, 255],
    ...valuesOf(config, kind, defaults, name),
    layout: 'nchw',
  }
}

type Triple = readonly [number, number, number]
const triple = (value: number): Triple => [value, value, value]
const both = (a: Triple, b: Triple, f: (a: number, b: number) => number): Triple => [
  f(a[0], b[0]),
  f(a[1], b[1]),
  f(a[2], b[2]),
]

/** What is done to the values of pixels: factor, offset, mean, deviation and the order of channels. */
function valuesOf(
  config: ProcessorConfig,
  kind: string,
  defaults: ReturnType<typeof processorDefaults>['defaults'],
  name: string,
): Pick<Preprocessing, 'scale' | 'mean' | 'std' | 'channels'> {
  const rescaled = config.do_rescale ?? defaults.rescale ?? true
  const normalised = config.do_normalize ?? defaults.normalise ?? true
  const mean = normalised ? (config.image_mean ?? defaults.mean) : triple(0)
  let std = normalised ? (config.image_std ?? defaults.std) : triple(1)
  // EfficientNet's processor divides by the deviation a second time where the classifier is part of the model.
  if (kind === 'EfficientNet' && normalised && (config.include_top ?? true)) std = both(std, std, (a, b) => a * b)
  const offset = rescaled && (config.rescale_offset ?? config.offset ?? false)
  const flipped = config.do_flip_channel_order ?? defaults.flip ?? false
  const uneven = [mean, std].some(([red, green, blue]) => red !== green || green !== blue)
  if (flipped && uneven) {
    throw configError(
      name,
      'do_flip_channel_order stands beside image_mean and image_std that differ between channels, and nothing tells which comes first',
    )
  }
  return {
    scale: rescaled ? (config.rescale_factor ?? defaults.factor ?? 1 / 255) : 1,
    // Values from -1 on: what is taken off after scaling is taken off with the mean.
    mean: offset ? both(mean, triple(1), (a, b) => a + b) : mean,
    std,
    channels: flipped ? 'bgr' : 'rgb',
  }
}

import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRandom } from '@lookalike/core'
import { readPreprocessorConfig } from '@lookalike/encoders'
import { preprocess } from '@lookalike/image'
import { tryMutants } from '../lib/mutants.mjs'
import { mutateData } from '../lib/mutate.mjs'

const CONFIGS = [
  {
    image_processor_type: 'ViTImageProcessor',
    size: { height: 32, width: 32 },
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.5, 0.5, 0.5],
    resample: 3,
    do_resize: true,
    do_normalize: true,
    do_rescale: true,
    rescale_factor: 1 / 255,
  },
  {
    image_processor_type: 'CLIPImageProcessor',
    size: { shortest_edge: 32 },
    crop_size: { height: 32, width: 32 },
    do_center_crop: true,
    do_convert_rgb: true,
    image_mean: [0.48, 0.45, 0.4],
    image_std: [0.27, 0.26, 0.27],
    resample: 3,
  },
  {
    image_processor_type: 'ConvNextImageProcessor',
    size: { shortest_edge: 32 },
    crop_pct: 0.875,
    image_mean: [0.5],
    image_std: [0.5],
  },
  {
    image_processor_type: 'EfficientNetImageProcessor',
    size: { height: 32, width: 32 },
    rescale_factor: 1 / 127.5,
    rescale_offset: true,
    include_top: false,
    do_normalize: false,
  },
  {
    image_processor_type: 'MobileViTImageProcessor',
    size: { shortest_edge: 36 },
    crop_size: { height: 32, width: 32 },
    do_center_crop: true,
    do_flip_channel_order: true,
  },
  { feature_extractor_type: 'ViTFeatureExtractor', size: 32, image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] },
]
const picture = { data: new Uint8Array(40 * 30 * 3).fill(90), width: 40, height: 30 }

export const open = async () => ({
  async attempt(i) {
    const config = mutateData(CONFIGS[i % CONFIGS.length], createRandom(`preprocessor ${i}`))
    const spec = readPreprocessorConfig(config, 'preprocessor_config.json')
    if (spec.crop.width * spec.crop.height > 1e6) return
    const values = preprocess(picture, spec)
    if (values.some((value) => !Number.isFinite(value)))
      throw new Error(`not finite: ${JSON.stringify(config).slice(0, 500)}`)
  },
})

export default {
  name: 'input: mutated preprocessor configs',
  run: ({ folder, short }) =>
    tryMutants(fileURLToPath(import.meta.url), {
      folder: path.join(folder, 'preprocessor'),
      count: short ? 500 : 20_000,
    }),
}

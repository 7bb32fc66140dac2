import { describe, expect, it } from 'vitest'
import { readPreprocessorConfig } from './read-preprocessor-config.js'

const base = {
  image_processor_type: 'ViTImageProcessor',
  size: { height: 32, width: 32 },
  image_mean: [0.4, 0.5, 0.6],
  image_std: [0.2, 0.25, 0.3],
  resample: 3,
}
const read = (change: object, name = 'p.json') => readPreprocessorConfig({ ...base, ...change }, name)
const square = (size: number) => ({ width: size, height: size })
const clip = { image_processor_type: 'CLIPImageProcessor', size: { shortest_edge: 32 } }

describe('keys that are obeyed', () => {
  it.each<[string, object, object]>([
    ['size as a number', { size: 32 }, { resize: { mode: 'squash' }, crop: square(32) }],
    ['size as a list, height first', { size: [24, 32] }, { crop: { height: 24, width: 32 } }],
    [
      'a lone number as the short edge',
      { size: 40, default_to_square: false, do_center_crop: true, crop_size: 32 },
      { resize: { mode: 'shortest-edge', size: 40 }, crop: square(32) },
    ],
    [
      'a crop as a list',
      { size: 40, do_center_crop: true, crop_size: [32, 32] },
      { resize: { mode: 'squash', ...square(40) }, crop: square(32) },
    ],
    [
      'null as not said',
      { crop_size: null, do_center_crop: null, crop_pct: null, rescale_factor: null, resample: null },
      { crop: square(32), scale: 1 / 255, interpolation: 'bilinear' },
    ],
    [
      'null for mean and deviation',
      { image_mean: null, image_std: null },
      { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
    ],
    [
      'one number for all channels',
      { image_mean: 0.5, image_std: 0.25 },
      { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    ],
    ['no normalising', { do_normalize: false, image_mean: null }, { mean: [0, 0, 0], std: [1, 1, 1] }],
    ['no scaling', { do_rescale: false }, { scale: 1 }],
    [
      'values from -1',
      { rescale_factor: 1 / 127.5, rescale_offset: true, do_normalize: false },
      { scale: 1 / 127.5, mean: [1, 1, 1], std: [1, 1, 1] },
    ],
    [
      'values from -1, by the older name',
      { rescale_factor: 1 / 127.5, offset: true, do_normalize: false },
      { mean: [1, 1, 1] },
    ],
    ['channels turned round', { do_flip_channel_order: true, do_normalize: false }, { channels: 'bgr' }],
    [
      'channels turned round by default',
      { image_processor_type: 'MobileViTImageProcessor', do_center_crop: true, crop_size: 32, do_normalize: undefined },
      { channels: 'bgr', mean: [0, 0, 0] },
    ],
    ['a filter by its name', { resample: 'LANCZOS' }, { interpolation: 'lanczos' }],
    ['a filter by its number', { resample: 5 }, { interpolation: 'hamming' }],
    ['padding that is nothing', { do_pad: true, pad_size: { height: 32, width: 32 } }, { crop: square(32) }],
    [
      'steps that are off, and words about the data',
      { do_pad: false, do_thumbnail: false, do_convert_rgb: true, data_format: 'channels_first', device: null },
      { crop: square(32) },
    ],
    [
      'crop_pct of PoolFormer',
      {
        image_processor_type: 'PoolFormerImageProcessor',
        size: { shortest_edge: 224 },
        crop_pct: 0.95,
        crop_size: 224,
      },
      { resize: { mode: 'shortest-edge', size: 235 }, crop: square(224) },
    ],
    [
      'a kind of processor that nobody knows, which says everything',
      { image_processor_type: 'BrandNewImageProcessor' },
      { crop: square(32), interpolation: 'bicubic' },
    ],
  ])('%s', (_, change, expected) => {
    expect(read(change)).toMatchObject(expected)
  })

  it("EfficientNet's second division", () => {
    const { std } = read({ image_processor_type: 'EfficientNetImageProcessor', image_std: [0.5, 0.5, 0.5] })
    expect(std).toEqual([0.25, 0.25, 0.25])
    expect(read({ image_processor_type: 'EfficientNetImageProcessor', include_top: false }).std).toEqual(base.image_std)
  })

  it('an image processor inside a processor', () => {
    const inner = readPreprocessorConfig(
      { processor_class: 'CLIPProcessor', image_processor: base, tokenizer: {} },
      'p',
    )
    expect(inner).toEqual(read({}))
  })
})

describe("timm's config", () => {
  const cfg = {
    input_size: [3, 32, 32],
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
    interpolation: 'bicubic',
    crop_pct: 0.9,
  }
  const timm = (change: object) =>
    readPreprocessorConfig({ architecture: 'vit', pretrained_cfg: { ...cfg, ...change } }, 'config.json')
  it('is read as timm evaluates', () => {
    expect(timm({})).toMatchObject({
      resize: { mode: 'shortest-edge', size: 35 },
      crop: square(32),
      interpolation: 'bicubic',
      mean: [0.5, 0.5, 0.5],
    })
    expect(timm({ crop_pct: null, mean: null })).toMatchObject({ resize: { size: 36 }, mean: [0.485, 0.456, 0.406] })
    expect(timm({ crop_mode: 'squash', crop_pct: 1 })).toMatchObject({ resize: { mode: 'squash', ...square(32) } })
  })
  it.each([
    [{ crop_mode: 'border' }, 'crop_mode'],
    [{ input_size: [1, 32, 32] }, 'input_size'],
    [{ interpolation: 'random' }, 'interpolation'],
  ])('refuses %j by name', (change, key) => {
    expect(() => timm(change)).toThrow(
      expect.objectContaining({ message: expect.stringContaining(`pretrained_cfg.${key}`) as string }),
    )
  })
})

describe('keys that are refused by name', () => {
  it.each<[object, string]>([
    [{ ...clip, size: { shortest_edge: 32, longest_edge: 64 }, crop_size: 32 }, 'size'],
    [{ size: { longest_edge: 32 } }, 'size'],
    [{ size: { max_height: 32, max_width: 32 } }, 'size'],
    [{ do_pad: true }, 'do_pad'],
    [{ do_pad: true, pad_size: { height: 64, width: 64 } }, 'pad_size'.replace('pad_size', 'do_pad')],
    [{ crop_pct: 0.875 }, 'crop_pct'],
    [{ do_thumbnail: true }, 'do_thumbnail'],
    [{ do_color_quantize: true }, 'do_color_quantize'],
    [{ size_divisor: 32 }, 'size_divisor'],
    [{ antialias: false }, 'antialias'],
    [{ resize_mode: 'longest' }, 'resize_mode'],
    [{ do_flip_channel_order: true }, 'do_flip_channel_order'],
    [{ image_mean: [0.5] }, 'image_mean'],
    [{ resample: 'smooth' }, 'resample'],
    [{ image_processor_type: 'BrandNewImageProcessor', resample: undefined }, 'resample'],
    [{ ...clip, do_center_crop: false }, 'nothing is cropped'],
  ])('%j', (change, key) => {
    expect(() => read(change, 'the/p.json')).toThrow(
      expect.objectContaining({
        code: 'preprocessing/config',
        message: expect.stringMatching(new RegExp(`the/p\\.json: .*${key}`)) as string,
      }),
    )
  })
})

import { describe, expect, it } from 'vitest'
import { readPreprocessorConfig } from './read-preprocessor-config.js'

const read = (json: unknown) => readPreprocessorConfig(json, 'preprocessor_config.json')
const square = (size: number) => ({ width: size, height: size })

// Each case is the essence of a published repository's file.
describe('readPreprocessorConfig', () => {
  it('ViT and DINO: squash to a square', () => {
    expect(
      read({
        do_normalize: true,
        do_resize: true,
        image_mean: [0.5, 0.5, 0.5],
        image_std: [0.5, 0.5, 0.5],
        size: 224,
        image_processor_type: 'ViTImageProcessor',
        resample: 2,
      }),
    ).toEqual({
      resize: { mode: 'squash' },
      crop: square(224),
      interpolation: 'bilinear',
      background: [255, 255, 255],
      scale: 1 / 255,
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
      channels: 'rgb',
      layout: 'nchw',
    })
  })

  it('DeiT: squash to 256, then the centre', () => {
    expect(
      read({
        crop_size: 224,
        do_center_crop: true,
        feature_extractor_type: 'DeiTFeatureExtractor',
        resample: 3,
        size: 256,
      }),
    ).toMatchObject({
      resize: { mode: 'squash', width: 256, height: 256 },
      crop: square(224),
      interpolation: 'bicubic',
      mean: [0.485, 0.456, 0.406],
    })
  })

  it('DINOv2: the short edge to 256, then the centre', () => {
    expect(
      read({
        crop_size: { height: 224, width: 224 },
        do_center_crop: true,
        image_processor_type: 'BitImageProcessor',
        resample: 3,
        rescale_factor: 0.00392156862745098,
        size: { shortest_edge: 256 },
        image_mean: [0.485, 0.456, 0.406],
        image_std: [0.229, 0.224, 0.225],
      }),
    ).toMatchObject({ resize: { mode: 'shortest-edge', size: 256 }, crop: square(224), scale: 0.00392156862745098 })
  })

  it('CLIP: a lone number is the short edge', () => {
    expect(
      read({ crop_size: 224, feature_extractor_type: 'CLIPFeatureExtractor', resample: 3, size: 224 }),
    ).toMatchObject({
      resize: { mode: 'shortest-edge', size: 224 },
      crop: square(224),
      mean: [0.48145466, 0.4578275, 0.40821073],
    })
  })

  it('SigLIP: squash, without a crop', () => {
    expect(
      read({ image_processor_type: 'SiglipImageProcessor', resample: 3, size: { height: 384, width: 384 } }),
    ).toMatchObject({
      resize: { mode: 'squash' },
      crop: square(384),
      mean: [0.5, 0.5, 0.5],
    })
  })

  it('ConvNeXt: crop_pct below 384 pixels, squash from there', () => {
    expect(
      read({ feature_extractor_type: 'ConvNextFeatureExtractor', size: 224, crop_pct: 0.875, resample: 3 }),
    ).toMatchObject({
      resize: { mode: 'shortest-edge', size: 256 },
      crop: square(224),
    })
    expect(read({ feature_extractor_type: 'ConvNextFeatureExtractor', size: { shortest_edge: 384 } })).toMatchObject({
      resize: { mode: 'squash' },
      crop: square(384),
    })
  })

  it('leaves out what is switched off', () => {
    expect(
      read({ image_processor_type: 'ViTImageProcessorFast', size: 96, do_rescale: false, do_normalize: false }),
    ).toMatchObject({
      crop: square(96),
      scale: 1,
      mean: [0, 0, 0],
      std: [1, 1, 1],
    })
  })

  it.each([
    [{ size: 'big' }, 'size'],
    [{ image_mean: [0.5] }, 'image_mean'],
    [{ resample: 9 }, 'resample'],
    [{ do_resize: false }, 'do_resize'],
    [{ size: { shortest_edge: 256 }, do_center_crop: false }, 'nothing is cropped'],
    [[], 'the file'],
    [{ size: 32, image_std: 0 }, 'std.0 comes to 0'],
    [{ size: 32, image_std: [0.5, -0.5, 0.5] }, 'std.1 comes to -0.5'],
    [{ size: 32, image_mean: 1e30, image_std: 1e-30 }, 'no float32 holds'],
    [{ size: 32, rescale_factor: 1e38 }, 'no float32 holds'],
    [{ size: 20_000 }, 'crop.width comes to 20000'],
    [{ architecture: 'vit', pretrained_cfg: { input_size: [3, 32, 32], std: [0.5, 0, 0.5] } }, 'std.1 comes to 0'],
  ])('refuses %j, naming the key', (json, named) => {
    expect(() => read(json)).toThrow(
      expect.objectContaining({ code: 'preprocessing/config', message: expect.stringContaining(named) as string }),
    )
  })
})

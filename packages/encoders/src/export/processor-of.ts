import { LookalikeError, type Preprocessing } from '@lookalike/core'

/** Pillow's numbers. */
const RESAMPLE: Readonly<Record<Preprocessing['interpolation'], number>> = {
  nearest: 0,
  lanczos: 1,
  bilinear: 2,
  bicubic: 3,
  box: 4,
  hamming: 5,
}

/**
 * A preprocessing spec as the `preprocessor_config.json` that transformers and transformers.js follow, the other way round than `readPreprocessorConfig`.
 * Their processors cannot pad an image on a background to the shape of the model's input: images have to come in that shape, and what is written squashes.
 *
 * @throws `export/preprocessing` for what their processors cannot do
 */
export function processorOf(preprocessing: Preprocessing): Record<string, unknown> {
  const { resize, crop, interpolation, scale, mean, std, channels } = preprocessing
  if (channels !== 'rgb') {
    throw new LookalikeError('export/preprocessing', {
      problem:
        'The model wants its channels as blue, green, red, which processors of transformers do not follow everywhere',
      expected: 'red, green, blue',
      fix: 'Use the ONNX file itself, with Lookalike.',
    })
  }
  const size =
    resize.mode === 'shortest-edge'
      ? { shortest_edge: resize.size }
      : resize.mode === 'pad'
        ? crop
        : { height: resize.height ?? crop.height, width: resize.width ?? crop.width }
  const cropped = 'shortest_edge' in size || size.height !== crop.height || size.width !== crop.width
  return {
    image_processor_type: cropped ? 'CLIPImageProcessor' : 'ViTImageProcessor',
    do_convert_rgb: true,
    do_resize: true,
    size,
    resample: RESAMPLE[interpolation],
    do_center_crop: cropped,
    crop_size: cropped ? { height: crop.height, width: crop.width } : undefined,
    do_rescale: true,
    rescale_factor: scale,
    do_normalize: true,
    image_mean: [...mean],
    image_std: [...std],
  }
}

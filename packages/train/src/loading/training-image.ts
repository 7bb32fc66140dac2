import {
  type Augmentation,
  type Box,
  type ImageLimits,
  type ImageSource,
  type Preprocessing,
  type Random,
  type RawImage,
} from '@lookalike/core'
import { decodeImage, preprocess, resizeImage } from '@lookalike/image'

/** An image to train on; can be sent to worker threads. */
export interface TrainingImage {
  readonly source: Exclude<ImageSource, URL>
  readonly box?: Box | undefined
}

/** Decodes an image, and makes it smaller where its shorter edge is longer than `edge` pixels: augmentations need no more. */
export async function decodeForTraining(
  image: TrainingImage,
  edge: number,
  background: Preprocessing['background'],
  limits: ImageLimits = {},
): Promise<RawImage> {
  const decoded = await decodeImage(image, { ...limits, background })
  const shorter = Math.min(decoded.width, decoded.height)
  if (shorter <= edge) return decoded
  const size = (length: number) => Math.max(1, Math.round((length * edge) / shorter))
  return resizeImage(decoded, size(decoded.width), size(decoded.height), 'bicubic')
}

/** Augments one image and writes it into a batch as the model's input. */
export async function augmentInto(
  image: RawImage,
  augmentations: readonly Augmentation[],
  random: Random,
  preprocessing: Preprocessing,
  out: Float32Array,
  offset: number,
): Promise<void> {
  const { crop } = preprocessing
  let current = image
  for (const [i, augmentation] of augmentations.entries())
    current = await augmentation.apply(current, random.fork(`${i}`), crop)
  // What a crop made to measure only needs its values scaled.
  const fits = current.width === crop.width && current.height === crop.height
  preprocess(current, fits ? { ...preprocessing, resize: { mode: 'squash' } } : preprocessing, out, offset)
}

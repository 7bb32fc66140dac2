import type { ImageRequest, Preprocessing } from '@lookalike/core'
import { decodeSource } from '../decode/decode-image.js'
import type { DecodeOptions } from '../decode/decode-options.js'
import { boxInPixels } from '../geometry/box-in-pixels.js'
import { describeSource } from '../read/describe-source.js'
import { preprocessedLength, preprocessRegion } from './preprocess.js'
import { preprocessingGeometry } from './preprocessing-geometry.js'

/** Reads, decodes and preprocesses an image, decoding no more pixels than the result needs. */
export async function loadPixels(
  request: ImageRequest,
  preprocessing: Preprocessing,
  options: DecodeOptions = {},
  out: Float32Array = new Float32Array(preprocessedLength(preprocessing)),
  offset = 0,
): Promise<Float32Array> {
  const decoded = await decodeSource(request, { background: preprocessing.background, ...options }, (width, height) =>
    shrinkFactor(width, height, preprocessing),
  )
  if (!request.box) return preprocessRegion(decoded, preprocessing, out, offset)
  const { image } = decoded
  const region = boxInPixels(request.box, image, describeSource(request.source))
  return preprocessRegion({ image, region, width: region.width, height: region.height }, preprocessing, out, offset)
}

/**
 * Decoding smaller must leave the exact filter at least a halving to do: measured on photographs, the result then
 * differs from the exact one by 0.25 of 255 in the mean and by at most 4.
 */
function shrinkFactor(width: number, height: number, preprocessing: Preprocessing): number {
  const resized = preprocessingGeometry(width, height, preprocessing)
  const scale = Math.min(width / resized.width, height / resized.height)
  return preprocessing.interpolation === 'nearest' ? 1 : ([8, 4, 2].find((factor) => scale >= factor * 2) ?? 1)
}

import type { ImageRequest, RawImage } from '@lookalike/core'
import { boxInPixels } from '../geometry/box-in-pixels.js'
import { describeSource } from '../read/describe-source.js'
import { decodeSource } from './decode-image.js'
import type { DecodeOptions } from './decode-options.js'
import { loadSharp } from './load-sharp.js'

const open = async ({ data, width, height }: RawImage) =>
  (await loadSharp())(data, { raw: { width, height, channels: 3 } })

/** Raw pixels as a PNG file, lossless. */
export async function encodePng(image: RawImage): Promise<Uint8Array> {
  return (await open(image)).png().toBuffer()
}

/**
 * A small picture for reports: JPEG, at most `size` pixels on its longer edge, never enlarged.
 *
 * @throws the codes of `decodeImage`
 */
export async function thumbnail(request: ImageRequest, size: number, options: DecodeOptions = {}): Promise<Uint8Array> {
  const { image } = await decodeSource(request, options, (width, height) => {
    const scale = Math.max(width, height) / size
    return [8, 4, 2].find((factor) => scale >= factor) ?? 1
  })
  const pipeline = await open(image)
  const cut = request.box ? pipeline.extract(boxInPixels(request.box, image, describeSource(request.source))) : pipeline
  return cut.resize(size, size, { fit: 'inside', withoutEnlargement: true }).jpeg({ quality: 82 }).toBuffer()
}

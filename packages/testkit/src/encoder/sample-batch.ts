import { createRandom, type Encoder, type EncoderBatch, type RawImage } from '@lookalike/core'
import { encodePng, preprocess, preprocessedLength } from '@lookalike/image'

/** A picture of a few coloured blocks, different for every number. */
export function samplePicture(number: number, width = 40, height = 32): RawImage {
  const random = createRandom(`picture ${number}`)
  const colours = Uint8Array.from({ length: 16 * 3 }, () => random.integer(256))
  const data = new Uint8Array(width * height * 3)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const block = Math.floor((4 * y) / height) * 4 + Math.floor((4 * x) / width)
      data.set(colours.subarray(block * 3, block * 3 + 3), (y * width + x) * 3)
    }
  }
  return { data, width, height }
}

/** The pictures as the encoder wants them. */
export async function sampleBatch(
  encoder: Pick<Encoder, 'input'>,
  pictures: readonly RawImage[],
): Promise<EncoderBatch> {
  if (encoder.input.kind === 'bytes') return { kind: 'bytes', images: await Promise.all(pictures.map(encodePng)) }
  const { preprocessing } = encoder.input
  const each = preprocessedLength(preprocessing)
  const data = new Float32Array(pictures.length * each)
  pictures.forEach((picture, i) => preprocess(picture, preprocessing, data, i * each))
  return { kind: 'pixels', data, count: pictures.length }
}

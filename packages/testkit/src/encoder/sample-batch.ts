import { createRandom, type Encoder, type EncoderBatch, type Preprocessing, type RawImage } from '@lookalike/core'
import { pngOf } from './png.js'

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
  if (encoder.input.kind === 'bytes') return { kind: 'bytes', images: pictures.map(pngOf) }
  const { preprocessing } = encoder.input
  const each = 3 * preprocessing.crop.width * preprocessing.crop.height
  const data = new Float32Array(pictures.length * each)
  pictures.forEach((picture, i) => fill(picture, preprocessing, data.subarray(i * each, (i + 1) * each)))
  return { kind: 'pixels', data, count: pictures.length }
}

/**
 * A picture as the network's input. Its pixels are taken over as they lie (nearest), whatever the preprocessing says of
 * resizing: an encoder gets tensors of its size in its range, and how they came about is not its business.
 */
function fill(picture: RawImage, { crop, scale, mean, std, channels, layout }: Preprocessing, out: Float32Array): void {
  const { width, height } = crop
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from =
        (Math.floor((y * picture.height) / height) * picture.width + Math.floor((x * picture.width) / width)) * 3
      for (let c = 0; c < 3; c++) {
        const channel = channels === 'bgr' ? 2 - c : c
        const at = layout === 'nchw' ? (channel * height + y) * width + x : (y * width + x) * 3 + channel
        out[at] = (picture.data[from + c]! * scale - mean[c]!) / std[c]!
      }
    }
  }
}

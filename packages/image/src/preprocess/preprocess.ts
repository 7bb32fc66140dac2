import { LookalikeError, type Preprocessing, type RawImage } from '@lookalike/core'
import { type PixelBox, resample } from '../resample/resample.js'
import { preprocessingGeometry } from './preprocessing-geometry.js'

/** Number of values that one image becomes. */
export const preprocessedLength = ({ crop }: Pick<Preprocessing, 'crop'>): number => 3 * crop.width * crop.height

/**
 * Decoded pixels to a model's input: resized and cut as Pillow and torchvision do, to the bit, then normalised.
 * Writes `3 * crop.height * crop.width` values into `out` from `offset` on, and returns `out`.
 *
 * @throws `image/output-length` when `out` is too short.
 *
 * @example
 * const input = preprocess(await decodeImage({ source: 'chair.jpg' }), encoder.input.preprocessing)
 */
export function preprocess(
  image: RawImage,
  preprocessing: Preprocessing,
  out: Float32Array = new Float32Array(preprocessedLength(preprocessing)),
  offset = 0,
): Float32Array {
  return preprocessRegion({ image, width: image.width, height: image.height }, preprocessing, out, offset)
}

/** `width` and `height`: the size that the aspect ratio is computed from. */
export function preprocessRegion(
  source: {
    readonly image: RawImage
    readonly width: number
    readonly height: number
    readonly region?: PixelBox | undefined
  },
  preprocessing: Preprocessing,
  out: Float32Array,
  offset: number,
): Float32Array {
  const { crop, interpolation } = preprocessing
  const length = preprocessedLength(preprocessing)
  if (offset < 0 || out.length < offset + length) {
    throw new LookalikeError('image/output-length', {
      problem: `An image of ${length} values does not fit in ${out.length} from ${offset} on`,
      expected: `room for ${offset + length} values`,
    })
  }
  const { width, height, window, left, top } = preprocessingGeometry(source.width, source.height, preprocessing)
  const { image, region = { left: 0, top: 0, width: image.width, height: image.height } } = source
  const pixels = resample(image, { region, width, height, window, interpolation })
  const tables = normalisingTables(preprocessing)
  if (window.width < crop.width || window.height < crop.height) fillBackground(out, offset, preprocessing, tables)

  const planar = preprocessing.layout === 'nchw'
  const step = planar ? 1 : 3
  const plane = planar ? crop.width * crop.height : 1
  const [red, green, blue] = tables
  const [toRed, toGreen, toBlue] = [0, 1, 2].map((channel) => offset + placeOf(channel, preprocessing) * plane) as [
    number,
    number,
    number,
  ]
  let from = 0
  for (let y = 0; y < window.height; y++) {
    let to = ((top + y) * crop.width + left) * step
    for (const end = from + window.width * 3; from < end; from += 3) {
      out[toRed + to] = red[pixels[from]!]!
      out[toGreen + to] = green[pixels[from + 1]!]!
      out[toBlue + to] = blue[pixels[from + 2]!]!
      to += step
    }
  }
  return out
}

const placeOf = (channel: number, { channels }: Preprocessing) => (channels === 'rgb' ? channel : 2 - channel)

type Tables = readonly [Float32Array, Float32Array, Float32Array]

const tablesOf = new WeakMap<Preprocessing, Tables>()

/** A pixel has 256 values: looking the normalised one up is faster than computing it. In RGB order. */
function normalisingTables(preprocessing: Preprocessing): Tables {
  const { scale, mean, std } = preprocessing
  const table = (c: 0 | 1 | 2) => Float32Array.from({ length: 256 }, (_, value) => (value * scale - mean[c]) / std[c])
  const tables = tablesOf.get(preprocessing) ?? [table(0), table(1), table(2)]
  tablesOf.set(preprocessing, tables)
  return tables
}

function fillBackground(
  out: Float32Array,
  offset: number,
  preprocessing: Preprocessing,
  tables: readonly Float32Array[],
): void {
  const { crop, layout, background } = preprocessing
  const area = crop.width * crop.height
  for (let channel = 0; channel < 3; channel++) {
    const value = tables[channel]![background[channel]!]!
    const place = placeOf(channel, preprocessing)
    if (layout === 'nchw') out.fill(value, offset + place * area, offset + (place + 1) * area)
    else for (let i = offset + place; i < offset + area * 3; i += 3) out[i] = value
  }
}

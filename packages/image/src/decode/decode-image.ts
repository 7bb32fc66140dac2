import { type Box, type ImageRequest, LookalikeError, type RawImage } from '@lookalike/core'
import type { Metadata, Sharp } from 'sharp'
import { describeSource } from '../read/describe-source.js'
import { contentOf } from '../read/read-image.js'
import { endsEarly, guessContent, IMAGE_FORMATS, type ImageFormat, sniffFormat } from '../read/sniff-format.js'
import type { PixelBox } from '../resample/resample.js'
import { DECODE_DEFAULTS, type DecodeOptions } from './decode-options.js'
import { loadSharp } from './load-sharp.js'

/**
 * Reads and decodes an image: JPEG, PNG, WebP, AVIF, TIFF (first page), GIF (first frame) or SVG, whatever the file is
 * called. Turned upright by its EXIF orientation, alpha flattened on `background`, cut to the request's box.
 *
 * Pixels are those of Pillow: colour profiles of RGB and grey images are ignored, 16-bit channels lose their low byte.
 * CMYK goes through its profile, which Pillow ignores. SVG is drawn 512 pixels long, without external resources.
 *
 * @throws the codes of reading (`image/not-found`, `image/too-many-bytes`, ...), and `image/unsupported`,
 * `image/corrupt`, `image/truncated`, `image/too-many-pixels`, `image/box`, `image/decoder-missing`
 *
 * @example
 * const { data, width, height } = await decodeImage({ source: 'chair.jpg', box: { x: 0.1, y: 0, width: 0.5, height: 1 } })
 */
export async function decodeImage(request: ImageRequest, options: DecodeOptions = {}): Promise<RawImage> {
  const { image } = await decodeSource(request, options)
  return request.box ? cutOut(image, boxInPixels(request.box, image, describeSource(request.source))) : image
}

/** Given the upright image's size, how many times smaller it may be decoded: 1, 2, 4 or 8. */
type ShrinkChooser = (width: number, height: number) => number

export interface DecodedSource {
  /** The whole image, upright. */
  readonly image: RawImage
  /** Its size before it was decoded smaller. */
  readonly width: number
  readonly height: number
}

/** The whole image, possibly decoded smaller where the format does so for less work. */
export async function decodeSource(
  request: ImageRequest,
  options: DecodeOptions,
  shrinkBy?: ShrinkChooser,
): Promise<DecodedSource> {
  const name = describeSource(request.source)
  const content = await contentOf(request, options)
  if (!(content instanceof Uint8Array)) {
    checkPixels(content.width, content.height, name, options)
    return { image: content, width: content.width, height: content.height }
  }
  const format = sniffFormat(content)
  if (!format) throw unsupported(name, content)
  const sharp = await loadSharp()
  options.signal?.throwIfAborted()
  try {
    // The pixel limit is checked below, before decoding, with a text that says what to do.
    const settings = { failOn: 'warning', limitInputPixels: false } as const
    const metadata = await sharp(content, settings).metadata()
    checkPixels(metadata.width, metadata.height, name, options)
    const input = {
      ...settings,
      ignoreIcc: metadata.space !== 'cmyk',
      ...(format === 'svg' ? { density: svgDensity(metadata) } : {}),
    }
    const plan = planShrink(metadata, request.box ? undefined : shrinkBy)
    const opened = sharp(content, input)
    // Turning costs a copy, even by nothing.
    const upright = plan ? plan.apply(opened) : (metadata.orientation ?? 1) === 1 ? opened : opened.autoOrient()
    const { data, info } = await upright
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
    options.signal?.throwIfAborted()
    const image = flatten(
      data,
      info.width,
      info.height,
      info.channels,
      options.background ?? DECODE_DEFAULTS.background,
    )
    return { image, width: image.width, height: image.height, ...plan?.sizes }
  } catch (error) {
    if (error instanceof LookalikeError || options.signal?.aborted) throw error
    throw damaged(name, content, format, error)
  }
}

/** Drawings have no pixels of their own; icons of 24 units would be blurred. */
const SVG_EDGE = 512
const svgDensity = ({ width, height }: Metadata) =>
  Math.max(1, Math.min(100_000, (72 * SVG_EDGE) / Math.max(width, height)))

/** Degrees clockwise of the EXIF orientations that do not mirror. */
const TURNS: Readonly<Record<number, number>> = { 1: 0, 3: 180, 6: 90, 8: 270 }

interface Shrink {
  apply(image: Sharp): Sharp
  readonly sizes: Omit<DecodedSource, 'image'>
}

/** JPEG decodes to a half, quarter or eighth for a part of the work, unless it is turned first. */
function planShrink(
  { format, width, height, orientation = 1 }: Metadata,
  shrinkBy?: ShrinkChooser,
): Shrink | undefined {
  const turn = TURNS[orientation]
  if (format !== 'jpeg' || turn === undefined || !shrinkBy) return undefined
  const sideways = turn === 90 || turn === 270
  let factor = sideways ? shrinkBy(height, width) : shrinkBy(width, height)
  // Sizes that do not divide would be resampled a second time, which blurs and shifts by part of a pixel.
  while (width % factor > 0 || height % factor > 0) factor /= 2
  if (factor === 1) return undefined
  return {
    apply(image) {
      const smaller = image.resize(width / factor, height / factor, { fit: 'fill' })
      return turn === 0 ? smaller : smaller.rotate(turn)
    },
    sizes: {
      width: sideways ? height : width,
      height: sideways ? width : height,
    },
  }
}

function checkPixels(width: number, height: number, name: string, options: DecodeOptions): void {
  const maxPixels = options.maxPixels ?? DECODE_DEFAULTS.maxPixels
  if (width * height <= maxPixels) return
  throw new LookalikeError(
    'image/too-many-pixels',
    {
      problem: `${name} is ${width} x ${height}, ${(width * height).toLocaleString('en')} pixels`,
      expected: `at most ${maxPixels.toLocaleString('en')}`,
      fix: 'Make it smaller, or raise maxPixels if you trust the source and have the memory: 3 bytes a pixel.',
    },
    { fields: { source: name, width, height, maxPixels } },
  )
}

function unsupported(name: string, bytes: Uint8Array): LookalikeError {
  const content = guessContent(bytes)
  return new LookalikeError(
    'image/unsupported',
    {
      problem: `${name} is not an image that can be decoded: it holds ${content}`,
      expected: IMAGE_FORMATS.map((format) => format.toUpperCase()).join(', '),
      fix: content === 'BMP' || content === 'HEIC' ? 'Convert it to one of these.' : 'Check where the file came from.',
    },
    { fields: { source: name, content } },
  )
}

function damaged(name: string, bytes: Uint8Array, format: ImageFormat, cause: unknown): LookalikeError {
  const reason = cause instanceof Error ? cause.message.trim().split('\n')[0] : String(cause)
  const details = { fields: { source: name, format, bytes: bytes.byteLength }, cause }
  return endsEarly(bytes, format)
    ? new LookalikeError(
        'image/truncated',
        {
          problem: `${name} ends early: its ${bytes.byteLength.toLocaleString('en')} bytes are only a part of a ${format.toUpperCase()} image (${reason})`,
          fix: 'Copy or download it again.',
        },
        details,
      )
    : new LookalikeError(
        'image/corrupt',
        {
          problem: `${name} is a damaged ${format.toUpperCase()} image (${reason})`,
          fix: 'Copy or download it again, or save it anew.',
        },
        details,
      )
}

/** Pillow's rounding of a blend: exact division by 255. */
function flatten(
  data: Uint8Array,
  width: number,
  height: number,
  channels: number,
  background: readonly [number, number, number],
): RawImage {
  if (channels === 3) return { data, width, height }
  const out = new Uint8Array(width * height * 3)
  const [red, green, blue] = background
  const blend = (over: number, under: number, alpha: number) => {
    const sum = over * alpha + under * (255 - alpha) + 128
    return ((sum >> 8) + sum) >> 8
  }
  for (let from = 0, to = 0; to < out.length; from += 4, to += 3) {
    const alpha = data[from + 3]!
    out[to] = blend(data[from]!, red, alpha)
    out[to + 1] = blend(data[from + 1]!, green, alpha)
    out[to + 2] = blend(data[from + 2]!, blue, alpha)
  }
  return { data: out, width, height }
}

/**
 * A box of fractions as whole pixels, at least one.
 *
 * @throws `image/box` when it is empty or reaches out of the image.
 */
export function boxInPixels(
  box: Box,
  image: { readonly width: number; readonly height: number },
  name: string,
): PixelBox {
  const tolerance = 1e-6
  const sound = (from: number, length: number) => from >= -tolerance && length > 0 && from + length <= 1 + tolerance
  if (!sound(box.x, box.width) || !sound(box.y, box.height)) {
    throw new LookalikeError(
      'image/box',
      {
        problem: `The box x ${box.x}, y ${box.y}, width ${box.width}, height ${box.height} does not lie in ${name}`,
        expected:
          "fractions of the upright image's width and height: x + width and y + height at most 1, neither empty",
        fix: 'Divide boxes in pixels by the size of the image.',
      },
      { fields: { source: name, box } },
    )
  }
  const edges = (from: number, length: number, size: number) => {
    const start = Math.min(size - 1, Math.max(0, Math.round(from * size)))
    return { start, length: Math.max(1, Math.min(size, Math.round((from + length) * size)) - start) }
  }
  const across = edges(box.x, box.width, image.width)
  const down = edges(box.y, box.height, image.height)
  return { left: across.start, top: down.start, width: across.length, height: down.length }
}

function cutOut(image: RawImage, { left, top, width, height }: PixelBox): RawImage {
  const data = new Uint8Array(width * height * 3)
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * image.width + left) * 3
    data.set(image.data.subarray(from, from + width * 3), y * width * 3)
  }
  return { data, width, height }
}

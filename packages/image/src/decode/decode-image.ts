import { type ImageRequest, isLookalikeError, type RawImage } from '@lookalike/core'
import type { SharpOptions } from 'sharp'
import { boxInPixels, cutOut } from '../geometry/box-in-pixels.js'
import { describeSource } from '../read/describe-source.js'
import { endsEarly } from '../read/ends-early.js'
import { contentOf } from '../read/read-image.js'
import { type ImageFormat, sniffFormat } from '../read/sniff-format.js'
import { decodeBmp } from './bmp/decode-bmp.js'
import { type ChildImage, openInChild } from './child/open-in-child.js'
import { completePng } from './complete-png.js'
import {
  checkPixels,
  cutShort,
  damaged,
  damagedWarning,
  tooLong,
  truncatedWarning,
  unsupported,
} from './decode-errors.js'
import { decodeHeic } from './decode-heic.js'
import { checkDecodeOptions, DECODE_DEFAULTS, type DecodeOptions } from './decode-options.js'
import { type DecodedSource, type DecodeTask, maxMemoryOf, type ShrinkChooser } from './decode-task.js'
import { asIntegers } from './depth/tiff-halves.js'
import { firstPage } from './first-page.js'
import { takePixels } from './pixel-budget.js'
import { hasAlpha, needsSixteenBits, type ReadPlan, rangeOf, readPlan, sixteenBitPlan, toPixels } from './read-plan.js'
import { type DecodedBytes, type ImageHeader, type OpenedImage, openHere } from './sharp-job.js'
import { checkSvg } from './svg/check-svg.js'
import { createTimeLimit, type TimeLimit } from './time-limit.js'
import { isCheap, isSimple } from './where-to-decode.js'

/**
 * Reads and decodes an image: JPEG, PNG, WebP, AVIF, TIFF (first page), GIF (first frame), BMP, SVG or, where the package
 * `heic-decode` is installed, HEIC, whatever the file is called. Turned upright by its EXIF orientation, alpha flattened on
 * `background`, cut to the request's box.
 *
 * Pixels are those of Pillow: colour profiles of RGB and grey images are ignored, 16-bit channels lose their low byte.
 * CMYK goes through its profile, which Pillow ignores. SVG is drawn 512 pixels long, without external resources. Numbers of
 * other types are scaled by the range of their type. What a decoder can put up with is a warning: `image/damaged`,
 * `image/truncated`, `image/dark`, `image/range`.
 *
 * Formats whose decoders may take very long run in a process of their own, which is killed when it has taken `deadline` of a
 * processor's time, or six times that on the clock. Images that are
 * decoded at once hold at most 100 million pixels together; decoding takes at most 16 bytes a pixel.
 *
 * @throws the codes of `readSource`, and `image/unsupported`, `image/corrupt`, `image/truncated`, `image/too-many-pixels`,
 * `image/too-complex`, `image/deadline`, `image/memory`, `image/decoder-ended`, `image/box`, `image/decoder-missing`
 *
 * @example
 * const { data, width, height } = await decodeImage({ source: 'chair.jpg', box: { x: 0.1, y: 0, width: 0.5, height: 1 } })
 */
export async function decodeImage(request: ImageRequest, options: DecodeOptions = {}): Promise<RawImage> {
  const { image } = await decodeSource(request, options)
  return request.box ? cutOut(image, boxInPixels(request.box, image, describeSource(request.source))) : image
}

/** The whole image, possibly decoded smaller where the format does so for less work. */
export async function decodeSource(
  request: ImageRequest,
  options: DecodeOptions,
  shrinkBy?: ShrinkChooser,
): Promise<DecodedSource> {
  checkDecodeOptions(options)
  const name = describeSource(request.source)
  const content = await contentOf(request, options)
  if (!(content instanceof Uint8Array)) {
    checkPixels(content.width, content.height, name, options)
    return { image: content, width: content.width, height: content.height }
  }
  return decodeContent({ content, name, options, shrinkBy: request.box ? undefined : shrinkBy })
}

async function decodeContent(task: DecodeTask): Promise<DecodedSource> {
  const { content, name, options } = task
  const format = sniffFormat(content)
  if (!format) throw unsupported(name, content)
  const deadline = options.deadline ?? DECODE_DEFAULTS.deadline
  const time = createTimeLimit(deadline, () => tooLong(name, deadline), options.signal)
  try {
    if (format === 'bmp') return await decodeBmp(task, (bytes) => decodeContent({ ...task, content: bytes }))
    if (format === 'heic') return await decodeHeic(task, time)
    if (format === 'svg') checkSvg(content, name)
    return await decodeWithSharp(task, format, time)
  } catch (error) {
    if (options.signal?.aborted) throw options.signal.reason
    const own = isLookalikeError(error) && error.code !== 'image/memory' && error.code !== 'image/decoder-ended'
    throw own ? error : damaged(name, content, format, error)
  }
}

/** The bytes with what keeps a decoder from the picture mended. */
function simplest(content: Uint8Array, format: ImageFormat, options: DecodeOptions): Uint8Array {
  const cut = options.truncated !== 'fail' && isCutPng(content, format)
  return cut ? completePng(content) : firstPage(content, format)
}

const isCutPng = (content: Uint8Array, format: ImageFormat) => format === 'png' && endsEarly(content, format)

// The pixel limit is checked before decoding, with a text that says what to do.
const SETTINGS = { limitInputPixels: false } as const

async function decodeWithSharp(task: DecodeTask, format: ImageFormat, time: TimeLimit): Promise<DecodedSource> {
  const { name, options } = task
  const halves = format === 'tiff' ? asIntegers(task.content) : undefined
  const content = simplest(halves ?? task.content, format, options)
  const inChild = () => openInChild(content, maxMemoryOf(task), options.signal)
  let opened: OpenedImage | ChildImage = isSimple(format) ? await openHere(content) : await inChild()
  const runner = () => ('kill' in opened ? opened : undefined)
  try {
    const header = await time.run(() => opened.header({ ...SETTINGS, failOn: 'none' }), runner())
    const whole = readPlan(header, format, task.shrinkBy)
    const plan = halves ? sixteenBitPlan(whole) : whole
    if (isHalf(header)) throw unsupported(name, content)
    checkPixels(plan.width, plan.height, name, options)
    if (isSimple(format) && !isCheap(content, header)) opened = await inChild()
    const release = await takePixels(plan.decodedPixels, options.signal)
    try {
      return await readPixels(
        { ...task, halves: halves !== undefined },
        format,
        header,
        plan,
        (failOn, { input, steps }) => time.run(() => opened.pixels({ ...SETTINGS, ...input, failOn }, steps), runner()),
      )
    } finally {
      release()
    }
  } finally {
    opened.close()
  }
}

/** 16-bit floating point where it could not be read as integers (BigTIFF): the decoder would cut the numbers to whole ones. */
const isHalf = ({ depth, bitsPerSample }: ImageHeader) => depth === 'float' && bitsPerSample === 16

type Failing = NonNullable<SharpOptions['failOn']>

/** Strictly first; what the decoder complains of is then put up with where Pillow does, and told. */
async function readPixels(
  { content, name, options, halves }: DecodeTask & { readonly halves: boolean },
  format: ImageFormat,
  header: ImageHeader,
  plan: ReadPlan,
  read: (failOn: Failing, plan: ReadPlan) => Promise<DecodedBytes>,
): Promise<DecodedSource> {
  const background = options.background ?? DECODE_DEFAULTS.background
  const readWith = async (failOn: Failing) => {
    const bytes = await read(failOn, plan)
    const sixteen = !halves && needsSixteenBits(header, bytes)
    const values = sixteen ? await read(failOn, sixteenBitPlan(plan)) : bytes
    const { image, warning } = toPixels(
      values,
      header,
      halves ? 'halves' : sixteen,
      background,
      rangeOf(content, header),
      hasAlpha(content, format),
      name,
    )
    if (warning) options.onWarning?.(warning)
    return { image, width: plan.shrunk ? plan.width : image.width, height: plan.shrunk ? plan.height : image.height }
  }
  try {
    const strict = await readWith('warning')
    if (isCutPng(content, format))
      options.onWarning?.(truncatedWarning(damaged(name, content, format, new Error('no end'))))
    return strict
  } catch (error) {
    if (isLookalikeError(error) || options.signal?.aborted) throw error
    const truncated = cutShort(error, content, format)
    if (truncated && options.truncated === 'fail') throw error
    // Pillow takes whatever the JPEG library still makes sense of; other formats have checksums that it minds.
    const lenient: Failing = truncated || format === 'jpeg' ? 'none' : 'error'
    const result = await readWith(lenient).catch(() => {
      throw error
    })
    options.onWarning?.((truncated ? truncatedWarning : damagedWarning)(damaged(name, content, format, error)))
    return result
  }
}

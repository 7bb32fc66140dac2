import { LookalikeError, type RawImage } from '@lookalike/core'
import { endsEarly } from '../../read/ends-early.js'
import { sniffFormat } from '../../read/sniff-format.js'
import { checkPixels, damaged, truncatedWarning, unsupported } from '../decode-errors.js'
import { DECODE_DEFAULTS, type DecodeOptions } from '../decode-options.js'
import { toRgb } from '../flatten.js'
import { type Bitmap, openBitmap, readRows } from './canvas.js'

/** A picture in a page: a file, what `createImageBitmap` made of a canvas or a video's frame, or pixels. */
export type BrowserImage = Blob | Bitmap | RawImage

export type BrowserDecodeOptions = Pick<DecodeOptions, 'background' | 'maxPixels' | 'onWarning'> & {
  /** For error texts. Default: the file's name. */
  readonly name?: string | undefined
}

/**
 * Decodes what a browser can decode (JPEG, PNG, WebP, GIF, BMP, mostly AVIF) to the pixels that `decodeImage` gives in Node: upright,
 * colour profiles ignored, alpha flattened on `background`. Of PNG the pixels are the same; JPEG decoders differ by a few steps of 255.
 *
 * @throws `image/unsupported`, `image/corrupt`, `image/truncated`, `image/too-many-pixels`
 */
export async function decodeInBrowser(image: BrowserImage, options: BrowserDecodeOptions = {}): Promise<RawImage> {
  if ('data' in image) return image
  const name = options.name ?? nameOf(image)
  if (!(image instanceof Blob)) return toImage(image, name, options)
  const bitmap = await openFile(image, name, options)
  try {
    return toImage(bitmap, name, options)
  } finally {
    bitmap.close()
  }
}

const nameOf = (image: Blob | Bitmap) =>
  (image as { readonly name?: string }).name ??
  ('size' in image ? `an image of ${image.size} bytes` : `an image of ${image.width} x ${image.height}`)

async function openFile(file: Blob, name: string, { onWarning }: BrowserDecodeOptions): Promise<Bitmap> {
  const bytes = new Uint8Array(await file.arrayBuffer())
  const format = sniffFormat(bytes)
  if (!format) throw unsupported(name, bytes)
  try {
    // The type that a page gives a file says nothing of what is in it.
    const bitmap = await openBitmap(file.slice(0, file.size, ''))
    if (endsEarly(bytes, format)) onWarning?.(truncatedWarning(damaged(name, bytes, format, new Error('no end'))))
    return bitmap
  } catch (cause) {
    if (!FOREIGN.has(format)) throw damaged(name, bytes, format, cause)
    throw new LookalikeError(
      'image/unsupported',
      {
        problem: `${name} is a ${format.toUpperCase()} image, which this browser does not decode`,
        expected: 'JPEG, PNG, WebP, GIF or BMP',
        fix: format === 'svg' ? 'Draw it on a canvas, and give that.' : 'Save it as a JPEG.',
      },
      { fields: { source: name, content: format.toUpperCase() }, cause },
    )
  }
}

/** What not every browser decodes. */
const FOREIGN: ReadonlySet<string> = new Set(['tiff', 'heic', 'avif', 'svg'])

function toImage(bitmap: Bitmap, name: string, options: BrowserDecodeOptions): RawImage {
  const { width, height } = bitmap
  checkPixels(width, height, name, options)
  const data = new Uint8Array(width * height * 3)
  const background = options.background ?? DECODE_DEFAULTS.background
  readRows(bitmap, (rgba, top) => data.set(toRgb(rgba, 4, background), top * width * 3))
  return { data, width, height }
}

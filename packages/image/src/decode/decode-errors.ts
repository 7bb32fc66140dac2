import { isLookalikeError, LookalikeError, toWarning, type Warning } from '@lookalike/core'
import { endsEarly } from '../read/ends-early.js'
import { guessContent, IMAGE_FORMATS, type ImageFormat } from '../read/sniff-format.js'
import { DECODE_DEFAULTS, type DecodeOptions } from './decode-options.js'

/** @throws `image/too-many-pixels` */
export function checkPixels(width: number, height: number, name: string, options: DecodeOptions): void {
  const maxPixels = options.maxPixels ?? DECODE_DEFAULTS.maxPixels
  if (width * height <= maxPixels) return
  throw new LookalikeError(
    'image/too-many-pixels',
    {
      problem: `${name} is ${width} x ${height}, ${(width * height).toLocaleString('en')} pixels`,
      expected: `at most ${maxPixels.toLocaleString('en')}`,
      fix: 'Make it smaller, or raise maxPixels if you trust the source and have the memory: 16 bytes a pixel.',
    },
    { fields: { source: name, width, height, maxPixels } },
  )
}

export function unsupported(name: string, bytes: Uint8Array): LookalikeError {
  const content = guessContent(bytes)
  return new LookalikeError(
    'image/unsupported',
    {
      problem: `${name} is not an image that can be decoded: it holds ${content}`,
      expected: IMAGE_FORMATS.map((format) => format.toUpperCase()).join(', '),
      fix: 'Check where the file came from.',
    },
    { fields: { source: name, content } },
  )
}

export const heicUnsupported = (name: string): LookalikeError =>
  new LookalikeError(
    'image/unsupported',
    {
      problem: `${name} is a HEIC image, and the package that reads them is not installed`,
      fix: 'Install it (npm install heic-decode), or save the image as a JPEG.',
    },
    { fields: { source: name, content: 'HEIC' } },
  )

export const tooLong = (name: string, deadline: number): LookalikeError =>
  new LookalikeError(
    'image/deadline',
    {
      problem: `Decoding ${name} took more than ${deadline.toLocaleString('en')} ms and was stopped`,
      fix: 'Save it anew, or raise images.deadline if it is meant to take that long.',
    },
    { fields: { source: name, deadline } },
  )

/** The decoder's words for TIFF files that are whole and beyond it: 64-bit numbers, new compressions. */
const OF_ANOTHER_KIND = /tiff2vips: .*(out of range|not configured|unsupported|not supported)/i

/** The decoder's words for drawings beyond it: above 2^30 units a side it takes them for empty. */
const TOO_LARGE_TO_DRAW = /exceeds? 32767x32767|svgload_buffer: zero-sized/
const MAX_DRAWN_SIDE = 32_767

/** A failure of the decoder, told of the image. */
export function damaged(name: string, bytes: Uint8Array, format: ImageFormat, cause: unknown): LookalikeError {
  const reason = reasonOf(cause)
  const details = { fields: { source: name, format, bytes: bytes.byteLength }, cause }
  if (isLookalikeError(cause)) {
    return new LookalikeError(
      cause.code,
      {
        problem: `${name}, a ${format.toUpperCase()} image, could not be decoded: ${reason}`,
        fix: cause.code === 'image/memory' ? 'Simplify it, or save it as a JPEG or PNG.' : undefined,
      },
      { ...details, fields: { ...cause.fields, ...details.fields } },
    )
  }
  if (OF_ANOTHER_KIND.test(reason)) {
    return new LookalikeError(
      'image/unsupported',
      {
        problem: `${name} is a ${format.toUpperCase()} image of a kind that cannot be decoded (${reason})`,
        fix: 'Save it anew with 8 or 16 bits and without compression, or as a PNG.',
      },
      details,
    )
  }
  if (TOO_LARGE_TO_DRAW.test(reason)) {
    return new LookalikeError(
      'image/too-many-pixels',
      {
        problem: `The drawing ${name} is too large (${reason})`,
        expected: `at most ${MAX_DRAWN_SIDE.toLocaleString('en')} pixels a side`,
        fix: 'Give it a smaller width and height, and what these were as its viewBox.',
      },
      details,
    )
  }
  return cutShort(cause, bytes, format)
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

/** Whether the decoder failed because the file ends early: by the decoder's own words, or by the file. */
export const cutShort = (cause: unknown, bytes: Uint8Array, format: ImageFormat): boolean =>
  /premature end of jpeg (image|file)|truncated|got \d+ bytes, expected/i.test(reasonOf(cause)) ||
  endsEarly(bytes, format)

const reasonOf = (cause: unknown) =>
  (cause instanceof Error ? cause.message.trim().split('\n')[0]! : String(cause)).replace(/[.\s]+$/, '')

export function truncatedWarning(error: LookalikeError): Warning {
  const { message, fields } = toWarning(error)
  return { code: 'image/truncated', message: `${message} What is there was read.`, fields }
}

export function damagedWarning(error: LookalikeError): Warning {
  const { message, fields } = toWarning(error)
  return { code: 'image/damaged', message: `${message} It was read as far as it goes.`, fields }
}

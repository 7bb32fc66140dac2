import type { RawImage, Warning } from '@lookalike/core'
import type { SharpOptions } from 'sharp'
import type { ImageFormat } from '../read/sniff-format.js'
import type { ShrinkChooser } from './decode-task.js'
import { pngSignificantBits } from './depth/png-significant-bits.js'
import { fromHalves } from './depth/tiff-halves.js'
import { tiffExtraSample, tiffRange } from './depth/tiff-range.js'
import { fromNumbers, fromSixteenBits, isDark, type RangeNote } from './depth/to-eight-bits.js'
import { toRgb } from './flatten.js'
import type { DecodedBytes, ImageHeader, SharpStep } from './sharp-job.js'

/** How an image is decoded, given its header. */
export interface ReadPlan {
  /** Upright size of the picture, before it is decoded smaller. */
  readonly width: number
  readonly height: number
  readonly shrunk: boolean
  readonly decodedPixels: number
  readonly input: SharpOptions
  readonly steps: readonly SharpStep[]
}

/** Drawings have no pixels of their own; icons of 24 units would be blurred. */
const SVG_EDGE = 512

/** Degrees clockwise of the EXIF orientations that do not mirror. */
const TURNS: Readonly<Record<number, number>> = { 1: 0, 3: 180, 6: 90, 8: 270 }

export function readPlan(header: ImageHeader, format: ImageFormat, shrinkBy?: ShrinkChooser): ReadPlan {
  if (format === 'svg') return svgPlan(header)
  const { orientation = 1 } = header
  const sideways = orientation > 4
  const [width, height] = sideways ? [header.height, header.width] : [header.width, header.height]
  const input: SharpOptions = { ignoreIcc: header.space !== 'cmyk' }
  const turn = TURNS[orientation]
  const factor = format === 'jpeg' && turn !== undefined && shrinkBy ? divisor(header, shrinkBy(width, height)) : 1
  // Turning costs a copy, even by nothing.
  const upright: SharpStep[] =
    factor > 1
      ? [
          ['resize', header.width / factor, header.height / factor, { fit: 'fill' }],
          ...(turn === 0 ? [] : ([['rotate', turn!]] as const)),
        ]
      : orientation === 1
        ? []
        : [['autoOrient']]
  const decodedPixels = (width * height) / factor ** 2
  return { width, height, shrunk: factor > 1, decodedPixels, input, steps: [...upright, ...valueSteps(header)] }
}

/** Sizes that do not divide would be resampled a second time, which blurs and shifts by part of a pixel. */
function divisor({ width, height }: ImageHeader, wanted: number): number {
  let factor = wanted
  while (width % factor > 0 || height % factor > 0) factor /= 2
  return factor
}

function svgPlan(header: ImageHeader): ReadPlan {
  const longer = Math.max(header.width, header.height)
  const density = (72 * SVG_EDGE) / longer
  const size = (edge: number) => Math.max(1, Math.round((edge * SVG_EDGE) / longer))
  const [width, height] = [size(header.width), size(header.height)]
  // The decoder's density starts at 1, and thin lines would vanish: these are drawn to a size.
  const toSize = density < 1 || (Math.min(header.width, header.height) * SVG_EDGE) / longer < 1
  return {
    width,
    height,
    shrunk: false,
    decodedPixels: width * height,
    input: { ignoreIcc: true, density: toSize ? 72 : Math.min(100_000, density) },
    steps: [...(toSize ? ([['resize', width, height, { fit: 'fill' }]] as const) : []), ...valueSteps(header)],
  }
}

const isBytes = ({ depth, space }: ImageHeader) => depth === 'uchar' || depth === 'ushort' || space === 'cmyk'

/** Numbers that are not bytes are read as they are: their range is looked at here. */
function valueSteps(header: ImageHeader): SharpStep[] {
  if (isBytes(header))
    return [
      ['toColourspace', 'srgb'],
      ['raw', { depth: 'uchar' }],
    ]
  return [
    ['toColourspace', header.space ?? 'srgb'],
    ['raw', { depth: 'float' }],
  ]
}

/** The same, for a 16-bit image that turned out to be dark. */
export const sixteenBitPlan = (plan: ReadPlan): ReadPlan => ({
  ...plan,
  steps: [...plan.steps.slice(0, -2), ['toColourspace', 'rgb16'], ['raw', { depth: 'ushort' }]],
})

/** Whether 8 bits of it are too little to tell what it is. */
export const needsSixteenBits = ({ depth, space }: ImageHeader, { data, channels }: DecodedBytes): boolean =>
  depth === 'ushort' && space !== 'cmyk' && isDark(data, channels)

/** The values that a file says are black and white. */
export function rangeOf(content: Uint8Array, { format, depth }: ImageHeader): { min: number; max: number } | undefined {
  if (depth === 'uchar') return undefined
  if (format === 'tiff') return tiffRange(content)
  const bits = format === 'png' ? pngSignificantBits(content) : undefined
  return bits === undefined ? undefined : { min: 0, max: 2 ** bits - 1 }
}

/** Whether what follows the colours is how much is seen of them: a TIFF file may have other measurements there. */
export const hasAlpha = (content: Uint8Array, format: ImageFormat): boolean =>
  format !== 'tiff' || tiffExtraSample(content) !== 0

export function toPixels(
  { data, width, height, channels }: DecodedBytes,
  header: ImageHeader,
  sixteen: boolean | 'halves',
  background: readonly [number, number, number],
  range: { readonly min: number; readonly max: number } | undefined,
  alpha: boolean,
  name: string,
): { image: RawImage; warning?: Warning | undefined } {
  const words = () => new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2)
  const { data: values, note } =
    sixteen === 'halves'
      ? fromNumbers(fromHalves(words()), channels, 'float', range)
      : sixteen
        ? fromSixteenBits(words(), channels, range)
        : isBytes(header)
          ? { data, note: undefined }
          : fromNumbers(
              new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4),
              channels,
              header.depth ?? 'float',
              range,
            )
  const colours = channels < 3 ? 1 : 3
  const image =
    alpha || channels === colours
      ? { data: toRgb(values, channels, background), width, height }
      : { data: toRgb(firstOf(values, channels, colours), colours, background), width, height }
  return note ? { image, warning: rangeWarning(note, name) } : { image }
}

/** The first channels of each pixel. */
function firstOf(values: Uint8Array, channels: number, kept: number): Uint8Array {
  const out = new Uint8Array((values.length / channels) * kept)
  for (let to = 0, from = 0; to < out.length; to += kept, from += channels)
    for (let c = 0; c < kept; c++) out[to + c] = values[from + c]!
  return out
}

function rangeWarning(note: RangeNote, name: string): Warning {
  if (note.kind === 'no-numbers')
    return {
      code: 'image/range',
      message: `${note.count.toLocaleString('en')} values of ${name} are no finite numbers: they became black or white.`,
      fields: { source: name, count: note.count },
    }
  return note.kind === 'dark'
    ? {
        code: 'image/dark',
        message: `${name} uses ${note.bits} of its 16 bits and is dark. If it is a camera's or scanner's ${note.bits}-bit image, multiply its values by ${2 ** (16 - note.bits)} and save it anew.`,
        fields: { source: name, bits: note.bits },
      }
    : {
        code: 'image/range',
        message: `${name} does not say which values are black and white. Its values, ${note.min} to ${note.max}, were scaled from ${note.rule}. Save it with 8 or 16 bits to be sure.`,
        fields: { source: name, min: note.min, max: note.max },
      }
}

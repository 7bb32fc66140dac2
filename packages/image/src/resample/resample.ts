import type { Interpolation, RawImage } from '@lookalike/core'
import { kernelMemory, resamplingKernels } from './resampling-kernels.js'
import { type ResamplingWeights, resamplingWeights } from './resampling-weights.js'

/** Whole pixels. */
export interface PixelBox {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

interface Resampling {
  /** The part of the source that is resized; pixels outside it have no influence. */
  readonly region: PixelBox
  /** Size to which the region is resized. */
  readonly width: number
  readonly height: number
  /** The part of the result that is wanted; only this is computed. */
  readonly window: PixelBox
  readonly interpolation: Interpolation
}

/**
 * Resizes 8-bit RGB as Pillow's `Image.crop(region).resize((width, height), filter)` does, to the bit: two passes,
 * horizontal first, kernels widened when shrinking, 22-bit fixed-point weights, 8-bit values between the passes.
 * Returns the window's pixels, `window.width * window.height * 3` of them.
 */
export function resample(image: RawImage, resampling: Resampling): Uint8Array {
  const { region, width, height, window, interpolation } = resampling
  if (interpolation === 'nearest') return pickNearest(image, resampling)
  if (region.height === height && region.width === width) {
    return copyRows(image, region.left + window.left, region.top + window.top, window.width, window.height)
  }
  const columns =
    region.width === width
      ? undefined
      : part(resamplingWeights(interpolation, region.width, width, 4), window.left, window.width)
  const rows =
    region.height === height
      ? undefined
      : part(resamplingWeights(interpolation, region.height, height, 2), window.top, window.height)
  const out = new Uint8Array(window.width * window.height * 3)
  const widest = stride(window.width)
  // Bands keep what lies between the passes small: in the processor's cache, and in memory that WebAssembly never gives back.
  const scale = Math.max(1, region.height / height)
  const bandHeight = Math.max(1, Math.floor(BETWEEN_BYTES / (widest * scale)) - (rows?.taps ?? 0))
  for (let top = 0; top < window.height; top += bandHeight) {
    resizeBand(image, region, window, columns, rows, { top, height: Math.min(bandHeight, window.height - top) }, out)
  }
  return out
}

/** The weights of some of the output pixels. */
function part({ starts, taps, pairs }: ResamplingWeights, from: number, count: number): ResamplingWeights {
  return {
    starts: starts.subarray(from, from + count),
    taps,
    pairs: pairs.subarray(from * taps * 2, (from + count) * taps * 2),
  }
}

/** Bytes from row to row: a multiple of what the kernels take at once, with room for the byte that they write too many. */
const stride = (width: number) => Math.ceil((width * 3 + 1) / 16) * 16

/** Bytes between the passes in one band. */
const BETWEEN_BYTES = 1 << 20
/** Source rows that are handed to the horizontal pass at once; a multiple of four, which it takes together. */
const BLOCK_ROWS = 64
/** Bytes that the kernels may read behind the last pixel. */
const SLACK = 64

interface Band {
  /** First row in the window. */
  readonly top: number
  readonly height: number
}

function resizeBand(
  image: RawImage,
  region: PixelBox,
  window: PixelBox,
  columns: ResamplingWeights | undefined,
  allRows: ResamplingWeights | undefined,
  band: Band,
  out: Uint8Array,
): void {
  const rows = allRows && part(allRows, band.top, band.height)
  const firstRow = rows ? rows.starts[0]! : window.top + band.top
  const lastRow = rows ? Math.min(region.height, rows.starts.at(-1)! + rows.taps) : firstRow + band.height
  const firstColumn = columns ? columns.starts[0]! : window.left
  const lastColumn = columns
    ? Math.min(region.width, columns.starts.at(-1)! + columns.taps)
    : window.left + window.width
  const sourceStride = (lastColumn - firstColumn) * 3
  const rowCount = lastRow - firstRow
  const betweenStride = stride(window.width)

  const kernels = resamplingKernels()
  let end = 0
  const room = (bytes: number) => {
    const start = end
    end = Math.ceil((start + bytes) / 16) * 16
    return start
  }
  const columnStarts = room(columns ? columns.starts.byteLength : 0)
  const columnPairs = room(columns ? columns.pairs.byteLength : 0)
  const rowStarts = room(rows ? rows.starts.byteLength : 0)
  const rowPairs = room(rows ? rows.pairs.byteLength : 0)
  const source = room(columns ? BLOCK_ROWS * sourceStride + columns.taps * 3 + SLACK : 0)
  // Three rows may be written too many, and the taps without weight read up to `taps` rows too many.
  const between = room((rowCount + 3 + (rows?.taps ?? 0)) * betweenStride + SLACK)
  const target = rows ? room(band.height * betweenStride) : between
  const memory = kernelMemory(kernels, end)

  const from = (row: number) => ((region.top + firstRow + row) * image.width + region.left + firstColumn) * 3
  if (columns) {
    memory.set(bytesOf(columns.starts.map((start) => start - firstColumn)), columnStarts)
    memory.set(bytesOf(columns.pairs), columnPairs)
    for (let row = 0; row < rowCount; row += BLOCK_ROWS) {
      const count = Math.min(BLOCK_ROWS, rowCount - row)
      for (let i = 0; i < count; i++)
        memory.set(image.data.subarray(from(row + i), from(row + i) + sourceStride), source + i * sourceStride)
      kernels.resizeColumns(
        source,
        sourceStride,
        count,
        columnStarts,
        columnPairs,
        columns.taps,
        window.width,
        between + row * betweenStride,
        betweenStride,
      )
    }
  } else {
    for (let row = 0; row < rowCount; row++)
      memory.set(image.data.subarray(from(row), from(row) + sourceStride), between + row * betweenStride)
  }
  if (rows) {
    memory.set(bytesOf(rows.starts.map((start) => start - firstRow)), rowStarts)
    memory.set(bytesOf(rows.pairs), rowPairs)
    kernels.resizeRows(between, betweenStride, rowStarts, rowPairs, rows.taps, band.height, target)
  }
  const rowLength = window.width * 3
  for (let y = 0; y < band.height; y++) {
    out.set(
      memory.subarray(target + y * betweenStride, target + y * betweenStride + rowLength),
      (band.top + y) * rowLength,
    )
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Int32Array | Int16Array) =>
  new Uint8Array(buffer, byteOffset, byteLength)

function copyRows(image: RawImage, left: number, top: number, width: number, height: number): Uint8Array {
  const out = new Uint8Array(width * height * 3)
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * image.width + left) * 3
    out.set(image.data.subarray(from, from + width * 3), y * width * 3)
  }
  return out
}

function pickNearest(image: RawImage, { region, width, height, window }: Resampling): Uint8Array {
  const columns = nearestPositions(region.width, width)
  const rows = nearestPositions(region.height, height)
  const out = new Uint8Array(window.width * window.height * 3)
  let to = 0
  for (let y = window.top; y < window.top + window.height; y++) {
    const row = ((region.top + rows[y]!) * image.width + region.left) * 3
    for (let x = window.left; x < window.left + window.width; x++) {
      const p = row + columns[x]! * 3
      out[to] = image.data[p]!
      out[to + 1] = image.data[p + 1]!
      out[to + 2] = image.data[p + 2]!
      to += 3
    }
  }
  return out
}

/** Pillow adds the step up instead of multiplying; at exact halves the two round differently. */
function nearestPositions(from: number, to: number): Int32Array {
  const step = from / to
  const positions = new Int32Array(to)
  let at = step * 0.5
  for (let i = 0; i < to; i++) {
    positions[i] = Math.min(from - 1, Math.trunc(at))
    at += step
  }
  return positions
}

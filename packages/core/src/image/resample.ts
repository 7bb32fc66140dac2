import type { Interpolation, RawImage } from '../contracts/image.js'
import { RESAMPLING_FILTERS } from './resampling-filters.js'

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

/** Pillow's fixed point for 8-bit channels: 32 bits less 8 of the pixel and 2 of headroom. */
const PRECISION_BITS = 22
const HALF = 1 << (PRECISION_BITS - 1)

/**
 * Resizes 8-bit RGB as Pillow's `Image.crop(region).resize((width, height), filter)` does, to the bit: two passes,
 * horizontal first, kernels widened when shrinking, 22-bit fixed-point weights, 8-bit values between the passes.
 * Returns the window's pixels, `window.width * window.height * 3` of them.
 */
export function resample(image: RawImage, resampling: Resampling): Uint8ClampedArray {
  const { region, width, height, window, interpolation } = resampling
  if (interpolation === 'nearest') return pickNearest(image, resampling)
  const columns = weightsFor(interpolation, region.width, width)
  const rows = weightsFor(interpolation, region.height, height)
  const firstRow = rows.starts[window.top]!
  const lastRow = rows.starts[window.top + window.height - 1]! + rows.taps
  const rowCount = lastRow - firstRow

  const wide: Uint8Array | Uint8ClampedArray =
    region.width === width
      ? copyRows(image, region.left + window.left, region.top + firstRow, window.width, rowCount)
      : resizeColumns(image, region.left, region.top + firstRow, rowCount, columns, window.left, window.width)
  if (region.height === height) return new Uint8ClampedArray(wide.buffer, wide.byteOffset, wide.length)
  return resizeRows(wide, window.width * 3, firstRow, rows, window.top, window.height)
}

interface Weights {
  /** First source pixel of each output pixel. */
  readonly starts: Int32Array
  /** Source pixels an output pixel, the same for all: the outermost may weigh nothing. */
  readonly taps: number
  /** `taps` fixed-point weights an output pixel. */
  readonly values: Int32Array
}

const cache = new Map<string, Weights>()
const CACHE_ENTRIES = 256

/** Least recently used weights go first: folders of photos repeat a few sizes, scraped images repeat none. */
function weightsFor(interpolation: Exclude<Interpolation, 'nearest'>, from: number, to: number): Weights {
  const key = `${interpolation}:${from}:${to}`
  const found = cache.get(key)
  cache.delete(key)
  const weights = found ?? computeWeights(interpolation, from, to)
  cache.set(key, weights)
  if (cache.size > CACHE_ENTRIES) cache.delete(cache.keys().next().value!)
  return weights
}

function computeWeights(interpolation: Exclude<Interpolation, 'nearest'>, from: number, to: number): Weights {
  const filter = RESAMPLING_FILTERS[interpolation]
  const scale = from / to
  const filterScale = Math.max(scale, 1)
  const support = filter.support * filterScale
  const firstOf = (i: number) => Math.max(0, Math.trunc((i + 0.5) * scale - support + 0.5))
  const endOf = (i: number) => Math.min(from, Math.trunc((i + 0.5) * scale + support + 0.5))
  let most = 0
  for (let i = 0; i < to; i++) most = Math.max(most, endOf(i) - firstOf(i))
  // A multiple of four lets the passes below go four taps at a time.
  const taps = Math.min(from, Math.ceil(most / 4) * 4)
  const starts = new Int32Array(to)
  const values = new Int32Array(to * taps)
  const raw = new Float64Array(taps)
  for (let i = 0; i < to; i++) {
    const center = (i + 0.5) * scale
    const first = firstOf(i)
    const count = endOf(i) - first
    let sum = 0
    for (let j = 0; j < count; j++) {
      raw[j] = filter.weight((j + first - center + 0.5) * (1 / filterScale))
      sum += raw[j]!
    }
    const start = Math.min(first, from - taps)
    for (let j = 0; j < count; j++) {
      const weight = (sum === 0 ? raw[j]! : raw[j]! / sum) * (1 << PRECISION_BITS)
      values[i * taps + first - start + j] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5)
    }
    starts[i] = start
  }
  return { starts, taps, values }
}

function copyRows(image: RawImage, left: number, top: number, width: number, height: number): Uint8Array {
  const from = (y: number) => ((top + y) * image.width + left) * 3
  if (width === image.width) return image.data.slice(from(0), from(0) + width * height * 3)
  const out = new Uint8Array(width * height * 3)
  for (let y = 0; y < height; y++) out.set(image.data.subarray(from(y), from(y) + width * 3), y * width * 3)
  return out
}

/** Rows at a time in the horizontal pass, so that what it reads again for the next column is still in the cache. */
const BLOCK = 64

function resizeColumns(
  image: RawImage, left: number, top: number, height: number, { starts, taps, values }: Weights, from: number, width: number,
): Uint8ClampedArray {
  const { data } = image
  const rowIn = image.width * 3
  const rowOut = width * 3
  const out = new Uint8ClampedArray(rowOut * height)
  const sums = new Int32Array(BLOCK * 3)
  for (let block = 0; block < height; block += BLOCK) {
    const length = Math.min(BLOCK, height - block) * 3
    const first = (top + block) * rowIn + left * 3
    for (let x = 0; x < width; x++) {
      let k = (from + x) * taps
      let base = first + starts[from + x]! * 3
      sums.fill(HALF)
      let remaining = taps
      for (; remaining >= 4; remaining -= 4) {
        const w0 = values[k]!
        const w1 = values[k + 1]!
        const w2 = values[k + 2]!
        const w3 = values[k + 3]!
        let p = base
        for (let i = 0; i < length; i += 3) {
          sums[i] = (sums[i]! + Math.imul(w0, data[p]!) + Math.imul(w1, data[p + 3]!)
            + Math.imul(w2, data[p + 6]!) + Math.imul(w3, data[p + 9]!)) | 0
          sums[i + 1] = (sums[i + 1]! + Math.imul(w0, data[p + 1]!) + Math.imul(w1, data[p + 4]!)
            + Math.imul(w2, data[p + 7]!) + Math.imul(w3, data[p + 10]!)) | 0
          sums[i + 2] = (sums[i + 2]! + Math.imul(w0, data[p + 2]!) + Math.imul(w1, data[p + 5]!)
            + Math.imul(w2, data[p + 8]!) + Math.imul(w3, data[p + 11]!)) | 0
          p += rowIn
        }
        k += 4
        base += 12
      }
      for (; remaining > 0; remaining--) {
        const weight = values[k++]!
        let p = base
        for (let i = 0; i < length; i += 3) {
          sums[i] = (sums[i]! + Math.imul(weight, data[p]!)) | 0
          sums[i + 1] = (sums[i + 1]! + Math.imul(weight, data[p + 1]!)) | 0
          sums[i + 2] = (sums[i + 2]! + Math.imul(weight, data[p + 2]!)) | 0
          p += rowIn
        }
        base += 3
      }
      let to = block * rowOut + x * 3
      for (let i = 0; i < length; i += 3) {
        out[to] = sums[i]! >> PRECISION_BITS
        out[to + 1] = sums[i + 1]! >> PRECISION_BITS
        out[to + 2] = sums[i + 2]! >> PRECISION_BITS
        to += rowOut
      }
    }
  }
  return out
}

function resizeRows(
  data: Uint8Array | Uint8ClampedArray, rowLength: number, firstRow: number, { starts, taps, values }: Weights,
  from: number, height: number,
): Uint8ClampedArray {
  const out = new Uint8ClampedArray(rowLength * height)
  const sums = new Int32Array(rowLength)
  for (let y = 0; y < height; y++) {
    let k = (from + y) * taps
    let p = (starts[from + y]! - firstRow) * rowLength
    sums.fill(HALF)
    let remaining = taps
    for (; remaining >= 4; remaining -= 4) {
      const w0 = values[k]!
      const w1 = values[k + 1]!
      const w2 = values[k + 2]!
      const w3 = values[k + 3]!
      const p1 = p + rowLength
      const p2 = p1 + rowLength
      const p3 = p2 + rowLength
      for (let x = 0; x < rowLength; x++) {
        sums[x] = (sums[x]! + Math.imul(w0, data[p + x]!) + Math.imul(w1, data[p1 + x]!)
          + Math.imul(w2, data[p2 + x]!) + Math.imul(w3, data[p3 + x]!)) | 0
      }
      k += 4
      p = p3 + rowLength
    }
    for (; remaining > 0; remaining--) {
      const weight = values[k++]!
      for (let x = 0; x < rowLength; x++) sums[x] = (sums[x]! + Math.imul(weight, data[p + x]!)) | 0
      p += rowLength
    }
    const to = y * rowLength
    for (let x = 0; x < rowLength; x++) out[to + x] = sums[x]! >> PRECISION_BITS
  }
  return out
}

function pickNearest(image: RawImage, { region, width, height, window }: Resampling): Uint8ClampedArray {
  const columns = nearestPositions(region.width, width)
  const rows = nearestPositions(region.height, height)
  const out = new Uint8ClampedArray(window.width * window.height * 3)
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

import type { Interpolation } from '@lookalike/core'
import { RESAMPLING_FILTERS } from './resampling-filters.js'

/** Pillow's fixed point for 8-bit channels: 32 bits less 8 of the pixel and 2 of headroom. */
const PRECISION_BITS = 22
/** Bits of a weight's lower part in the kernels. */
const LOW_BITS = 12

export interface ResamplingWeights {
  /** First source pixel of each output pixel. */
  readonly starts: Int32Array
  /** Source pixels an output pixel, the same for all: the last of them may weigh nothing and lie behind the end. */
  readonly taps: number
  /** Of each output pixel, for each two taps: high parts, low parts. */
  readonly pairs: Int16Array
}

const cache = new Map<string, ResamplingWeights>()
const CACHE_ENTRIES = 256

/**
 * Pillow's weights for resizing `from` to `to` pixels along one axis; the number of taps is a multiple of `multiple`.
 *
 * Least recently used weights go first: folders of photos repeat a few sizes, scraped images repeat none.
 */
export function resamplingWeights(
  interpolation: Exclude<Interpolation, 'nearest'>,
  from: number,
  to: number,
  multiple: 2 | 4,
): ResamplingWeights {
  const key = `${interpolation}:${from}:${to}:${multiple}`
  const found = cache.get(key)
  cache.delete(key)
  const weights = found ?? computeWeights(interpolation, from, to, multiple)
  cache.set(key, weights)
  if (cache.size > CACHE_ENTRIES) cache.delete(cache.keys().next().value!)
  return weights
}

function computeWeights(
  interpolation: Exclude<Interpolation, 'nearest'>,
  from: number,
  to: number,
  multiple: number,
): ResamplingWeights {
  const filter = RESAMPLING_FILTERS[interpolation]
  const scale = from / to
  const filterScale = Math.max(scale, 1)
  const support = filter.support * filterScale
  const firstOf = (i: number) => Math.max(0, Math.trunc((i + 0.5) * scale - support + 0.5))
  const endOf = (i: number) => Math.min(from, Math.trunc((i + 0.5) * scale + support + 0.5))
  let most = 0
  for (let i = 0; i < to; i++) most = Math.max(most, endOf(i) - firstOf(i))
  const taps = Math.ceil(most / multiple) * multiple
  const starts = new Int32Array(to)
  const pairs = new Int16Array(to * taps * 2)
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
    for (let j = 0; j < count; j++) {
      const exact = (sum === 0 ? raw[j]! : raw[j]! / sum) * (1 << PRECISION_BITS)
      const weight = Math.trunc(exact < 0 ? exact - 0.5 : exact + 0.5)
      const place = (i * taps + j - (j & 1)) * 2 + (j & 1)
      pairs[place] = weight >> LOW_BITS
      pairs[place + 2] = weight & ((1 << LOW_BITS) - 1)
    }
    starts[i] = first
  }
  return { starts, taps, pairs }
}

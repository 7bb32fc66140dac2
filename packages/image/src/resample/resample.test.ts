import { createRandom, type Interpolation, type RawImage } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import { resample } from './resample.js'
import { RESAMPLING_FILTERS } from './resampling-filters.js'

const whole = ({ width, height }: { width: number; height: number }) => ({ left: 0, top: 0, width, height })

function noise(width: number, height: number): RawImage {
  const random = createRandom(width * 1000 + height)
  return { width, height, data: Uint8Array.from({ length: width * height * 3 }, () => random.integer(256)) }
}

/** The definition in floating point: a normalised weighted mean over each axis. */
function reference(
  image: RawImage,
  width: number,
  height: number,
  interpolation: Exclude<Interpolation, 'nearest'>,
): number[] {
  const { support, weight } = RESAMPLING_FILTERS[interpolation]
  const weights = (from: number, to: number) =>
    Array.from({ length: to }, (_, i) => {
      const scale = from / to
      const widened = Math.max(1, scale)
      const center = (i + 0.5) * scale
      const row = Array.from({ length: from }, (_, j) =>
        Math.abs(j + 0.5 - center) < support * widened + 0.5 ? weight((j + 0.5 - center) / widened) : 0,
      )
      const sum = row.reduce((a, b) => a + b, 0)
      return row.map((w) => w / sum)
    })
  const across = weights(image.width, width)
  const down = weights(image.height, height)
  const clip = (value: number) => Math.min(255, Math.max(0, Math.round(value)))
  const wide = Array.from({ length: image.height }, (_, y) =>
    Array.from({ length: width * 3 }, (_, i) =>
      clip(
        across[Math.floor(i / 3)]!.reduce((sum, w, x) => sum + w * image.data[(y * image.width + x) * 3 + (i % 3)]!, 0),
      ),
    ),
  )
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width * 3 }, (_, i) => clip(down[y]!.reduce((sum, w, row) => sum + w * wide[row]![i]!, 0))),
  ).flat()
}

describe('resample', () => {
  const filters = Object.keys(RESAMPLING_FILTERS) as Exclude<Interpolation, 'nearest'>[]
  it.each(filters)('agrees with the floating-point definition of %s, shrinking and enlarging', (interpolation) => {
    for (const [from, to] of [
      [
        [29, 23],
        [11, 9],
      ],
      [
        [11, 9],
        [29, 23],
      ],
      [
        [17, 40],
        [17, 7],
      ],
      [
        [3, 2],
        [9, 9],
      ],
    ] as const) {
      const image = noise(from[0], from[1])
      const size = { width: to[0], height: to[1] }
      const result = resample(image, { region: whole(image), ...size, window: whole(size), interpolation })
      const expected = reference(image, size.width, size.height, interpolation)
      // Fixed point may round the other way where the exact value is within 2^-20 of a half; means of two often are.
      const worst = expected.reduce((max, value, i) => Math.max(max, Math.abs(value - result[i]!)), 0)
      expect(worst, `${from} to ${to}`).toBeLessThanOrEqual(1)
      const other = expected.filter((value, i) => value !== result[i]).length / expected.length
      expect(other).toBeLessThanOrEqual(interpolation === 'box' ? 0.1 : 0.01)
    }
  })

  it.each([...filters, 'nearest'] as const)(
    'computes a window and a region of %s as if cut afterwards and before',
    (interpolation) => {
      const image = noise(40, 30)
      const region = { left: 5, top: 3, width: 31, height: 22 }
      const cut = { width: region.width, height: region.height, data: new Uint8Array(region.width * region.height * 3) }
      for (let y = 0; y < cut.height; y++) {
        const from = ((region.top + y) * image.width + region.left) * 3
        cut.data.set(image.data.subarray(from, from + cut.width * 3), y * cut.width * 3)
      }
      for (const size of [
        { width: 17, height: 29 },
        { width: 31, height: 29 },
        { width: 17, height: 22 },
        { width: 31, height: 22 },
      ]) {
        const full = resample(cut, { region: whole(cut), ...size, window: whole(size), interpolation })
        const window = { left: 4, top: 6, width: 9, height: 13 }
        const part = resample(image, { region, ...size, window, interpolation })
        const expected = Array.from({ length: window.height }, (_, y) => {
          const from = ((window.top + y) * size.width + window.left) * 3
          return [...full.subarray(from, from + window.width * 3)]
        }).flat()
        expect([...part], `${size.width} x ${size.height}`).toEqual(expected)
      }
    },
  )

  it('gives the same in one band as in many', () => {
    // Rows of 3 x 1,200 bytes: at most 291 of them lie between the passes at once.
    const image = noise(1200, 700)
    const size = { width: 1100, height: 650 }
    const whole = resample(image, {
      region: { left: 0, top: 0, ...image },
      ...size,
      window: { left: 0, top: 0, ...size },
      interpolation: 'lanczos',
    })
    for (const left of [0, 600, 1080]) {
      const window = { left, top: 0, width: 20, height: size.height }
      const strip = resample(image, {
        region: { left: 0, top: 0, ...image },
        ...size,
        window,
        interpolation: 'lanczos',
      })
      for (let y = 0; y < size.height; y++) {
        const from = (y * size.width + left) * 3
        expect(Buffer.compare(strip.subarray(y * 60, (y + 1) * 60), whole.subarray(from, from + 60)), `row ${y}`).toBe(
          0,
        )
      }
    }
  })

  it('leaves an image of the right size alone, also when only one edge changes', () => {
    const image = noise(12, 9)
    const same = resample(image, {
      region: whole(image),
      width: 12,
      height: 9,
      window: whole(image),
      interpolation: 'bicubic',
    })
    expect([...same]).toEqual([...image.data])
    same.fill(0)
    expect(image.data.some((value) => value > 0)).toBe(true)
    const size = { width: 12, height: 5 }
    const shorter = resample(image, { region: whole(image), ...size, window: whole(size), interpolation: 'bicubic' })
    expect([...shorter]).toEqual(reference(image, 12, 5, 'bicubic'))
  })

  it('picks nearest pixels from their centres', () => {
    const image = { width: 4, height: 1, data: Uint8Array.from([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]) }
    const pick = (width: number) => {
      const size = { width, height: 1 }
      const out = resample(image, { region: whole(image), ...size, window: whole(size), interpolation: 'nearest' })
      return [...out].filter((_, i) => i % 3 === 0)
    }
    expect(pick(2)).toEqual([1, 3])
    expect(pick(8)).toEqual([0, 0, 1, 1, 2, 2, 3, 3])
  })
})

import { createRandom } from '@lookalike/core'
import { expect, test } from 'vitest'
import { isOpaque, toRgb } from './flatten.js'

const WHITE = [255, 255, 255] as const

/** RGBA of `pixels` pixels that lies `offset` bytes into its memory. */
function picture(pixels: number, offset: number, alphaOf: (i: number) => number): Uint8Array {
  const random = createRandom('flatten')
  const bytes = new Uint8Array(offset + pixels * 4).subarray(offset)
  for (let i = 0; i < pixels; i++) bytes.set([...[0, 0, 0].map(() => random.integer(256)), alphaOf(i)], i * 4)
  return bytes
}

test.each([
  [8, 0],
  [11, 0],
  [3, 0],
  [11, 4],
  [11, 3],
])('%i opaque pixels, %i bytes into their memory, are their colours', (pixels, offset) => {
  const rgba = picture(pixels, offset, () => 255)
  const colours = [...rgba].filter((_, i) => i % 4 !== 3)
  expect(isOpaque(rgba)).toBe(true)
  expect([...toRgb(rgba, 4, WHITE)]).toEqual(colours)
})

test.each([0, 3])('one transparent pixel is seen, wherever it is', (offset) => {
  for (let at = 0; at < 7; at++) {
    const rgba = picture(7, offset, (i) => (i === at ? 254 : 255))
    expect(isOpaque(rgba)).toBe(false)
    const wanted = [...rgba].filter((_, i) => i % 4 !== 3)
    const rgb = toRgb(rgba.slice(), 4, WHITE)
    for (const [i, value] of rgb.entries()) expect(Math.abs(value - wanted[i]!)).toBeLessThanOrEqual(1)
  }
})

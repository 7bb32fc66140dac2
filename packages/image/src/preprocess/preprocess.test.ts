import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createRandom, type Preprocessing, type RawImage } from '@lookalike/core'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { decodeImage } from '../decode/decode-image.js'
import { loadPixels } from './load-pixels.js'
import { preprocess } from './preprocess.js'

interface Case {
  input: string
  resize: 'squash' | 'shortest-edge'
  size: number | null
  crop: number
  interpolation: 'bilinear' | 'bicubic'
  background: [number, number, number] | null
  expected: string
}

const spec: Preprocessing = {
  resize: { mode: 'squash' },
  crop: { width: 4, height: 3 },
  interpolation: 'bilinear',
  background: [255, 128, 0],
  scale: 1 / 255,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
  channels: 'rgb',
  layout: 'nchw',
}
/** Pixels as they are, so that they can be compared. */
const plain = { scale: 1, mean: [0, 0, 0], std: [1, 1, 1], layout: 'nhwc' } as const

const folder = fileURLToPath(new URL('../../fixtures/pixels/', import.meta.url))
const { cases } = JSON.parse(readFileSync(`${folder}cases.json`, 'utf8')) as { cases: Case[] }

describe('preprocess and Pillow', () => {
  it('are compared on every kind of file', () => expect(new Set(cases.map(({ input }) => input)).size).toBe(8))

  it.each(cases)('agrees on $expected', async ({ input, resize, size, crop, interpolation, background, expected }) => {
    const preprocessing: Preprocessing = {
      ...spec,
      ...plain,
      interpolation,
      resize: resize === 'squash' ? { mode: 'squash' } : { mode: 'shortest-edge', size: size! },
      crop: { width: crop, height: crop },
      background: background ?? [0, 0, 0],
    }
    const given = await loadPixels({ source: folder + input }, preprocessing)
    const wanted = (await decodeImage({ source: folder + expected })).data
    expect(given.length).toBe(wanted.length)
    const differences = Uint8Array.from(wanted, (value, i) => Math.abs(value - given[i]!)).sort()
    const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length
    if (input.includes('cmyk')) return expect(mean).toBeLessThanOrEqual(20)
    // The stated tolerance is 1.0 and 4; alpha aside, fully decoded pixels are the same.
    if (input.includes('alpha')) {
      expect(mean).toBeLessThanOrEqual(1)
      expect(differences[Math.floor(differences.length * 0.99)]).toBeLessThanOrEqual(4)
    } else if (input === 'coffee.jpg' && size === 72) {
      // Decoded at half the size.
      expect(mean).toBeLessThanOrEqual(0.5)
      expect(differences.at(-1)).toBeLessThanOrEqual(4)
    } else expect(differences.at(-1)).toBe(0)
  })
})

describe('preprocess', () => {
  const image: RawImage = { width: 4, height: 3, data: Uint8Array.from({ length: 36 }, (_, i) => i * 7) }
  const value = (x: number, y: number, c: 0 | 1 | 2) =>
    (image.data[(y * 4 + x) * 3 + c]! / 255 - spec.mean[c]) / spec.std[c]

  it('normalises into planes or pixels, RGB or BGR', () => {
    const planes = preprocess(image, spec)
    const pixels = preprocess(image, { ...spec, layout: 'nhwc' })
    const reversed = preprocess(image, { ...spec, channels: 'bgr' })
    for (let y = 0; y < 3; y++)
      for (let x = 0; x < 4; x++)
        for (const c of [0, 1, 2] as const) {
          expect(planes[c * 12 + y * 4 + x]).toBeCloseTo(value(x, y, c), 5)
          expect(pixels[(y * 4 + x) * 3 + c]).toBeCloseTo(value(x, y, c), 5)
          expect(reversed[(2 - c) * 12 + y * 4 + x]).toBeCloseTo(value(x, y, c), 5)
        }
  })

  it.each(['nchw', 'nhwc'] as const)('pads %s with the background, whatever was in the buffer', (layout) => {
    const padded: Preprocessing = { ...spec, ...plain, layout, resize: { mode: 'pad' }, crop: { width: 4, height: 7 } }
    const out = preprocess(image, padded, new Float32Array(84).fill(9))
    const at = (x: number, y: number, c: number) => out[layout === 'nchw' ? c * 28 + y * 4 + x : (y * 4 + x) * 3 + c]
    for (let x = 0; x < 4; x++)
      for (const c of [0, 1, 2]) {
        for (const y of [0, 1, 5, 6]) expect(at(x, y, c)).toBe(padded.background[c])
        for (const y of [0, 1, 2]) expect(at(x, y + 2, c)).toBe(image.data[(y * 4 + x) * 3 + c])
      }
  })

  it('writes at an offset and nowhere else', () => {
    const out = preprocess(image, spec, new Float32Array(50).fill(9), 7)
    expect([...out.subarray(0, 7), ...out.subarray(43)]).toEqual(Array(14).fill(9))
    expect([...out.subarray(7, 43)]).toEqual([...preprocess(image, spec)])
    expect(() => preprocess(image, spec, new Float32Array(40), 7)).toThrow(
      expect.objectContaining({ code: 'image/output-length' }),
    )
  })
})

describe('loadPixels', () => {
  const random = createRandom(5)
  /** Smooth shapes and fine detail, as photographs have. */
  const photo = async (width: number, height: number) => {
    const coarse = Uint8Array.from({ length: 24 * 18 * 3 }, () => 64 + random.integer(128))
    return sharp(coarse, { raw: { width: 24, height: 18, channels: 3 } }).resize(width, height, {
      fit: 'fill',
      kernel: 'cubic',
    })
  }

  it.each([1, 3, 6, 8, 5])(
    'decodes large JPEGs smaller and stays within tolerance, EXIF orientation %i',
    async (orientation) => {
      const bytes = await (await photo(1200, 896)).withMetadata({ orientation }).jpeg({ quality: 92 }).toBuffer()
      for (const [resize, interpolation] of [
        [{ mode: 'shortest-edge', size: 72 }, 'bicubic'],
        [{ mode: 'squash' }, 'bilinear'],
      ] as const) {
        const preprocessing: Preprocessing = {
          ...spec,
          ...plain,
          resize,
          interpolation,
          crop: { width: 64, height: 64 },
        }
        const exact = preprocess(await decodeImage({ source: bytes }), preprocessing)
        const fast = await loadPixels({ source: bytes }, preprocessing)
        const differences = exact.map((value, i) => Math.abs(value - fast[i]!)).sort()
        expect(differences.reduce((sum, value) => sum + value, 0) / differences.length).toBeLessThan(0.5)
        expect(differences[Math.floor(differences.length * 0.99)]).toBeLessThanOrEqual(3)
      }
    },
  )

  it('sees only the box', async () => {
    const bytes = await (await photo(80, 60)).png().toBuffer()
    const box = { x: 0.25, y: 0.1, width: 0.5, height: 0.6 }
    const preprocessing: Preprocessing = {
      ...spec,
      resize: { mode: 'shortest-edge', size: 20 },
      crop: { width: 16, height: 16 },
    }
    const part = await decodeImage({ source: bytes, box })
    expect([part.width, part.height]).toEqual([40, 36])
    expect(await loadPixels({ source: bytes, box }, preprocessing)).toEqual(preprocess(part, preprocessing))
  })
})

import { readFile } from 'node:fs/promises'
import type { Warning } from '@lookalike/core'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { decodeImage } from '../decode-image.js'
import type { DecodeOptions } from '../decode-options.js'

interface Bmp {
  readonly width: number
  /** Negative: top row first. */
  readonly height: number
  readonly bits: number
  readonly compression?: number
  readonly headerSize?: number
  readonly masks?: readonly number[]
  /** Blue, green, red, nothing. */
  readonly palette?: readonly number[]
  readonly pixels: readonly number[]
}

function bmp({ width, height, bits, compression = 0, headerSize = 40, masks = [], palette = [], pixels }: Bmp): Buffer {
  const inside = headerSize >= 52 ? 0 : masks.length * 4
  const head = Buffer.alloc(14 + headerSize + inside)
  head.write('BM')
  head.writeUInt32LE(head.length + palette.length, 10)
  head.writeUInt32LE(headerSize, 14)
  if (headerSize === 12) {
    head.writeUInt16LE(width, 18)
    head.writeUInt16LE(height, 20)
    head.writeUInt16LE(1, 22)
    head.writeUInt16LE(bits, 24)
  } else {
    head.writeInt32LE(width, 18)
    head.writeInt32LE(height, 22)
    head.writeUInt16LE(1, 26)
    head.writeUInt16LE(bits, 28)
    head.writeUInt32LE(compression, 30)
    if (headerSize >= 40) head.writeUInt32LE(palette.length / 4, 46)
    for (const [i, mask] of masks.entries()) head.writeUInt32LE(mask, 54 + i * 4)
  }
  return Buffer.concat([head, Buffer.from(palette), Buffer.from(pixels)])
}

const read = async (source: Uint8Array, options: DecodeOptions = {}) => {
  const warnings: Warning[] = []
  const image = await decodeImage({ source }, { ...options, onWarning: (warning) => warnings.push(warning) })
  const pixels = Array.from({ length: image.width * image.height }, (_, i) => [
    ...image.data.subarray(i * 3, i * 3 + 3),
  ])
  return { size: [image.width, image.height], pixels, warnings: warnings.map(({ code }) => code) }
}
const [BLACK, WHITE, RED, GREEN, BLUE] = [
  [0, 0, 0],
  [255, 255, 255],
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
]
// Black, white, red, green.
const PALETTE = [0, 0, 0, 0, 255, 255, 255, 0, 0, 0, 255, 0, 0, 255, 0, 0]

describe('BMP', () => {
  it('agrees with the same picture as JPEG', async () => {
    const fixture = new URL('../../../fixtures/files/plain.bmp', import.meta.url)
    const { data } = await decodeImage({ source: await readFile(fixture) })
    // Pillow's sum of all values.
    expect(data.reduce((total, value) => total + value, 0)).toBe(2_344_320)
  })

  it.each([
    [
      '1 bit',
      { bits: 1, palette: PALETTE.slice(0, 8), pixels: [0b01000000, 0, 0, 0, 0b10000000, 0, 0, 0] },
      [WHITE, BLACK, BLACK, WHITE],
    ],
    [
      '2 bits',
      { bits: 2, palette: PALETTE, pixels: [0b10110000, 0, 0, 0, 0b00010000, 0, 0, 0] },
      [BLACK, WHITE, RED, GREEN],
    ],
    ['4 bits', { bits: 4, palette: PALETTE, pixels: [0x23, 0, 0, 0, 0x01, 0, 0, 0] }, [BLACK, WHITE, RED, GREEN]],
    ['8 bits', { bits: 8, palette: PALETTE, pixels: [2, 3, 0, 0, 0, 1, 0, 0] }, [BLACK, WHITE, RED, GREEN]],
    [
      'an index outside the palette',
      { bits: 8, palette: PALETTE, pixels: [9, 3, 0, 0, 0, 1, 0, 0] },
      [BLACK, WHITE, BLACK, GREEN],
    ],
    [
      '16 bits as 5-5-5',
      { bits: 16, pixels: [0x00, 0x7c, 0xe0, 0x03, 0x1f, 0x00, 0x10, 0x42] },
      [BLUE, [131, 131, 131], RED, GREEN],
    ],
    [
      '24 bits',
      { bits: 24, pixels: [1, 2, 3, 4, 5, 6, 0, 0, 7, 8, 9, 10, 11, 12, 0, 0] },
      [
        [9, 8, 7],
        [12, 11, 10],
        [3, 2, 1],
        [6, 5, 4],
      ],
    ],
    [
      '32 bits',
      { bits: 32, pixels: [1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 0, 10, 11, 12, 0] },
      [
        [9, 8, 7],
        [12, 11, 10],
        [3, 2, 1],
        [6, 5, 4],
      ],
    ],
    [
      'top row first',
      { bits: 8, height: -2, palette: PALETTE, pixels: [0, 1, 0, 0, 2, 3, 0, 0] },
      [BLACK, WHITE, RED, GREEN],
    ],
    [
      'OS/2 1',
      { bits: 24, headerSize: 12, pixels: [0, 0, 255, 0, 255, 0, 0, 0, 0, 0, 0, 255, 255, 255, 0, 0] },
      [BLACK, WHITE, RED, GREEN],
    ],
    [
      '5-6-5 by masks',
      { bits: 16, compression: 3, masks: [0xf800, 0x7e0, 0x1f], pixels: [0x00, 0xf8, 0xe0, 0x07, 0x1f, 0, 0, 0] },
      [BLUE, BLACK, RED, GREEN],
    ],
    [
      'masks in a header of version 4',
      {
        bits: 32,
        compression: 3,
        headerSize: 108,
        masks: [0xff, 0xff00, 0xff0000, 0],
        pixels: [1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 0, 10, 11, 12, 0],
      },
      [
        [7, 8, 9],
        [10, 11, 12],
        [1, 2, 3],
        [4, 5, 6],
      ],
    ],
    [
      'alpha by masks',
      {
        bits: 32,
        compression: 6,
        masks: [0xff0000, 0xff00, 0xff, 0xff000000],
        pixels: [0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 255, 200, 100, 0, 128],
      },
      [BLACK, [127, 177, 227], WHITE, RED],
    ],
    [
      'alpha that is zero everywhere',
      {
        bits: 32,
        compression: 6,
        masks: [0xff0000, 0xff00, 0xff, 0xff000000],
        pixels: [0, 0, 255, 0, 0, 255, 0, 0, 0, 0, 0, 0, 255, 255, 255, 0],
      },
      [BLACK, WHITE, RED, GREEN],
    ],
    [
      'RLE8: runs, ends of rows',
      { bits: 8, compression: 1, palette: PALETTE, pixels: [1, 2, 1, 3, 0, 0, 1, 0, 1, 1, 0, 1] },
      [BLACK, WHITE, RED, GREEN],
    ],
    [
      'RLE8: single values, a jump',
      { bits: 8, compression: 1, palette: PALETTE, pixels: [0, 2, 1, 0, 1, 3, 0, 0, 2, 1, 0, 1] },
      [WHITE, WHITE, BLACK, GREEN],
    ],
    [
      'RLE4',
      { bits: 4, compression: 2, palette: PALETTE, pixels: [2, 0x23, 0, 0, 2, 0x01, 0, 1] },
      [BLACK, WHITE, RED, GREEN],
    ],
  ] as const)('reads %s', async (_, given, expected) => {
    expect(await read(bmp({ width: 2, height: 2, ...given }))).toEqual({ size: [2, 2], pixels: expected, warnings: [] })
  })

  it('reads absolute runs of odd length', async () => {
    const pixels = [0, 3, 1, 2, 3, 0, 0, 1]
    expect(
      (await read(bmp({ width: 3, height: 1, bits: 8, compression: 1, palette: PALETTE, pixels }))).pixels,
    ).toEqual([WHITE, RED, GREEN])
    const nibbles = [0, 3, 0x12, 0x30, 0, 1]
    expect(
      (await read(bmp({ width: 3, height: 1, bits: 4, compression: 2, palette: PALETTE, pixels: nibbles }))).pixels,
    ).toEqual([WHITE, RED, GREEN])
  })

  it('reads a PNG in a wrapper', async () => {
    const png = await sharp({ create: { width: 3, height: 2, channels: 3, background: '#f00' } })
      .png()
      .toBuffer()
    const { size, pixels } = await read(bmp({ width: 3, height: 2, bits: 0, compression: 5, pixels: [...png] }))
    expect([size, pixels[0]]).toEqual([[3, 2], RED])
  })

  it('reads what is there of a file that ends early, at whatever byte', async () => {
    const whole = bmp({
      width: 2,
      height: 2,
      bits: 24,
      pixels: [0, 0, 255, 0, 255, 0, 0, 0, 0, 0, 0, 255, 255, 255, 0, 0],
    })
    for (let length = 1; length < whole.length - 2; length++) {
      const cut = whole.subarray(0, length)
      if (length <= 54) {
        await expect(read(cut), `${length}`).rejects.toMatchObject({ code: expect.stringMatching(/^image\//) })
        continue
      }
      const { pixels, warnings } = await read(cut)
      expect(warnings, `${length}`).toEqual(['image/truncated'])
      expect(pixels[2]).toEqual(length >= 57 ? RED : BLACK)
      await expect(read(cut, { truncated: 'fail' })).rejects.toMatchObject({ code: 'image/truncated' })
    }
  })

  it('refuses what it does not know, by name, and sizes beyond the limit', async () => {
    const base = { width: 2, height: 2, bits: 24, pixels: [0] }
    for (const [given, code, words] of [
      [{ compression: 9 }, 'image/corrupt', 'compression 9'],
      [{ bits: 7 }, 'image/corrupt', '7 bits'],
      [{ width: -2 }, 'image/corrupt', '-2 x 2'],
      [{ height: 0 }, 'image/corrupt', '2 x 0'],
      [{ width: 2 ** 30, height: 2 ** 30 }, 'image/too-many-pixels', 'maxPixels'],
    ] as const)
      await expect(read(bmp({ ...base, ...given }))).rejects.toMatchObject({
        code,
        message: expect.stringContaining(words),
      })
  })
})

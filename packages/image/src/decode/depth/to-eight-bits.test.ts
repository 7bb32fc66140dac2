import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Warning } from '@lookalike/core'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { decodeImage } from '../decode-image.js'
import { fromNumbers, fromSixteenBits, isDark } from './to-eight-bits.js'

describe('fromNumbers', () => {
  const numbers = (values: number[], depth: string, range?: { min: number; max: number }) => {
    const { data, note } = fromNumbers(Float32Array.from(values), 1, depth, range)
    return [[...data], note?.kind]
  }
  it.each([
    ['0 to 1', [0, 0.5, 1], 'float', [0, 128, 255], undefined],
    ['0 to 255', [0, 128, 255], 'float', [0, 128, 255], 'guessed'],
    ['beyond', [-1, 0, 3], 'float', [0, 64, 255], 'guessed'],
    ['whole 32 bits', [0, 2 ** 31, 2 ** 32 - 1], 'uint', [0, 128, 255], undefined],
    ['16 in 32 bits', [0, 32_768, 65_535], 'int', [0, 128, 255], 'guessed'],
    ['signed bytes', [-128, 0, 127], 'char', [0, 128, 255], undefined],
    ['signed with little range', [0, 500, 1000], 'short', [0, 128, 255], 'guessed'],
    ['a constant', [7, 7], 'float', [7, 7], 'guessed'],
    ['what is no number', [0, Number.NaN, 1], 'float', [0, 0, 255], 'no-numbers'],
    ['what has no end', [0, Infinity, 1], 'float', [0, 255, 255], 'no-numbers'],
    ['a little of 0 to 1', [0, 0.05, 0.1], 'float', [0, 13, 26], 'guessed'],
    ['an eighth of 0 to 1', [0, 0.125], 'float', [0, 32], undefined],
  ] as const)('scales %s', (_, values, depth, expected, note) => {
    expect(numbers([...values], depth)).toEqual([expected, note])
  })

  it('follows the range that the file states', () => {
    expect(numbers([0, 50, 100], 'float', { min: 0, max: 100 })).toEqual([[0, 128, 255], undefined])
  })
})

it('scales dark 16-bit values by a stated range, else tells of them', () => {
  expect(isDark(Uint8Array.of(63, 0, 63), 3)).toBe(true)
  expect(isDark(Uint8Array.of(63, 64, 63), 3)).toBe(false)
  // An alpha channel is bright in any case.
  expect(isDark(Uint8Array.of(31, 3, 31, 255), 4)).toBe(true)
  const values = Uint16Array.of(0, 2048, 4095)
  expect(fromSixteenBits(values, 1)).toEqual({ data: Uint8Array.of(0, 8, 15), note: { kind: 'dark', bits: 12 } })
  expect(fromSixteenBits(values, 1, { min: 0, max: 4095 })).toEqual({ data: Uint8Array.of(0, 128, 255) })
})

describe('decodeImage of other depths', () => {
  const read = async (source: Uint8Array | string) => {
    const warnings: Warning[] = []
    const image = await decodeImage({ source }, { onWarning: (warning) => warnings.push(warning) })
    return { image, warnings: warnings.map(({ code }) => code) }
  }
  const fixture = (name: string) => fileURLToPath(new URL(`../../../fixtures/files/${name}`, import.meta.url))

  it('reads a floating point TIFF from 0 to 1 over the whole range', async () => {
    const { image, warnings } = await read(fixture('float01.tif'))
    expect([Math.min(...image.data), Math.max(...image.data), warnings]).toEqual([0, 255, []])
  })

  it('tells of 12 bits in 16, and follows a PNG that says so itself', async () => {
    const path = fixture('grey12in16.png')
    expect((await read(path)).warnings).toEqual(['image/dark'])
    const bytes = await readFile(path)
    const chunk = Buffer.from('\0\0\0\x01sBIT\x0c????', 'latin1')
    const said = Buffer.concat([bytes.subarray(0, 33), chunk, bytes.subarray(33)])
    said.writeUInt32BE((await import('node:zlib')).crc32(chunk.subarray(4, 9)), 42)
    const { image, warnings } = await read(said)
    expect(warnings).toEqual([])
    expect(Math.max(...image.data)).toBeGreaterThan(240)
  })

  it('leaves 16 bits that fill their range as they were', async () => {
    const values = Uint16Array.of(0, 256 * 128 + 255, 65_535)
    const bytes = await sharp(values, { raw: { width: 3, height: 1, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toBuffer()
    const { image, warnings } = await read(bytes)
    expect([[...image.data], warnings]).toEqual([[0, 0, 0, 128, 128, 128, 255, 255, 255], []])
  })

  const tiff = (samples: number, extra: number | undefined, big: boolean) => {
    const entries = [
      [256, 1],
      [257, 1],
      [258, 8],
      [259, 1],
      [262, samples > 2 ? 2 : 1],
      [273, 0],
      [277, samples],
      [278, 1],
      [279, samples],
      ...(extra === undefined ? [] : [[338, extra] as const]),
    ] as const
    const many = big ? 4 : 2
    const [head, count, entry, field] = big ? [16, 8, 20, 8] : [8, 2, 12, 4]
    const lists = head + count + entry * entries.length + field
    const view = new DataView(new ArrayBuffer(lists + 2 * samples + samples))
    view.setUint16(0, 0x4949)
    view.setUint16(2, big ? 43 : 42, true)
    view.setUint32(big ? 8 : 4, head, true)
    if (big) view.setUint16(4, 8, true)
    view.setUint16(head, entries.length, true)
    entries.forEach(([tag, value], i) => {
      const at = head + count + entry * i
      const listed = tag === 258 && samples > many
      view.setUint16(at, tag, true)
      view.setUint16(at + 2, 3, true)
      view.setUint32(at + 4, tag === 258 ? samples : 1, true)
      const place = at + 4 + field
      if (tag === 273) view.setUint16(place, lists + 2 * samples, true)
      else if (listed) view.setUint32(place, lists, true)
      else for (let n = 0; n < (tag === 258 ? samples : 1); n++) view.setUint16(place + 2 * n, value, true)
    })
    for (let n = 0; n < samples; n++) view.setUint16(lists + 2 * n, 8, true)
    for (let n = 0; n < samples; n++) view.setUint8(lists + 2 * samples + n, [10, 20, 30, 51, 99][n]!)
    return new Uint8Array(view.buffer)
  }
  it.each([
    ['TIFF', false],
    ['BigTIFF', true],
  ])('takes no other measurement for alpha: %s', async (_, big) => {
    const pixel = async (samples: number, extra?: number) => [...(await read(tiff(samples, extra, big))).image.data]
    expect(await pixel(4, 0)).toEqual([10, 20, 30])
    expect(await pixel(4, 2)).toEqual([206, 208, 210])
    expect(await pixel(4)).toEqual([206, 208, 210])
    expect(await pixel(2, 0)).toEqual([10, 10, 10])
  })

  it('says what kind of TIFF is beyond it, and that it is not damaged', async () => {
    const doubles = tiff(1, undefined, false)
    // 64 bits a sample: the decoder knows none.
    doubles[8 + 2 + 12 * 2 + 8] = 64
    await expect(read(doubles)).rejects.toMatchObject({
      code: 'image/unsupported',
      message: expect.stringContaining('of a kind that cannot be decoded'),
    })
  })
})

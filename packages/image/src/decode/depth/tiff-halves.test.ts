import type { Warning } from '@lookalike/core'
import { expect, it } from 'vitest'
import { decodeImage } from '../decode-image.js'
import { fromHalves } from './tiff-halves.js'

it('knows the numbers of half precision', () => {
  const bits = [0x0000, 0x8000, 0x3c00, 0xc000, 0x3555, 0x0001, 0x03ff, 0x7bff, 0x7c00, 0xfc00]
  const values = [0, -0, 1, -2, 0.333251953125, 2 ** -24, 1023 * 2 ** -24, 65_504, Infinity, -Infinity]
  expect([...fromHalves(Uint16Array.from(bits))]).toEqual(values)
  expect(fromHalves(Uint16Array.of(0x7e00))[0]).toBeNaN()
})

/** An uncompressed TIFF of one strip of 16-bit floating point numbers. */
function halves(bits: readonly number[], channels: 1 | 3, little: boolean): Uint8Array {
  const width = bits.length / channels
  const entries = [
    [256, width],
    [257, 1],
    [258, 16],
    [259, 1],
    [262, channels === 3 ? 2 : 1],
    [273, 0],
    [277, channels],
    [278, 1],
    [279, bits.length * 2],
    [339, 3],
  ] as const
  const arrays = 8 + 2 + 12 * entries.length + 4
  const start = arrays + (channels === 3 ? 12 : 0)
  const view = new DataView(new ArrayBuffer(start + bits.length * 2))
  view.setUint16(0, little ? 0x4949 : 0x4d4d)
  view.setUint16(2, 42, little)
  view.setUint32(4, 8, little)
  view.setUint16(8, entries.length, little)
  entries.forEach(([tag, value], i) => {
    const at = 10 + 12 * i
    const many = channels === 3 && (tag === 258 || tag === 339)
    view.setUint16(at, tag, little)
    view.setUint16(at + 2, 3, little)
    view.setUint32(at + 4, many ? 3 : 1, little)
    if (!many) return view.setUint16(at + 8, tag === 273 ? start : value, little)
    const place = arrays + (tag === 258 ? 0 : 6)
    view.setUint32(at + 8, place, little)
    for (let n = 0; n < 3; n++) view.setUint16(place + 2 * n, value, little)
  })
  bits.forEach((value, i) => view.setUint16(start + 2 * i, value, little))
  return new Uint8Array(view.buffer)
}

it.each([
  ['little-endian', true],
  ['big-endian', false],
])('reads a TIFF of 16-bit floating point numbers, %s', async (_, little) => {
  const warnings: Warning[] = []
  const read = async (bits: readonly number[], channels: 1 | 3) => {
    const { data } = await decodeImage(
      { source: halves(bits, channels, little) },
      { onWarning: (warning) => warnings.push(warning) },
    )
    return [...data]
  }
  // 0, 0.5, 1
  expect(await read([0x0000, 0x3800, 0x3c00], 1)).toEqual([0, 0, 0, 128, 128, 128, 255, 255, 255])
  expect(await read([0x0000, 0x3800, 0x3c00, 0x3c00, 0x0000, 0x3400], 3)).toEqual([0, 128, 255, 255, 0, 64])
  expect(warnings).toEqual([])
  // 0, 2, 4: no range of the format's own.
  await read([0x0000, 0x4000, 0x4400], 1)
  expect(warnings.map(({ code }) => code)).toEqual(['image/range'])
})

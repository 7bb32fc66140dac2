import { createRandom, isLookalikeError } from '@lookalike/core'
import sharp, { type Sharp } from 'sharp'
import { expect, it } from 'vitest'
import { decodeImage } from './decode-image.js'

const random = createRandom(7)
const drawing = `<svg xmlns="http://www.w3.org/2000/svg" width="96" height="80"><filter id="f"><feGaussianBlur stdDeviation="3"/></filter><rect id="r" width="50" height="40" filter="url(#f)"/><use href="#r"/></svg>`

/** Bits flipped, cut, header overwritten, bytes put in, a length replaced, a part repeated. */
function mutate(original: Uint8Array): Uint8Array {
  const bytes = Buffer.from(original)
  const at = random.integer(bytes.length)
  const noise = (length: number) => Uint8Array.from({ length }, () => random.integer(256))
  switch (random.integer(6)) {
    case 0:
      bytes[at]! ^= 1 << random.integer(8)
      return bytes
    case 1:
      return bytes.subarray(0, at + 1)
    case 2:
      bytes.set(noise(2), random.integer(Math.min(62, bytes.length - 2)))
      return bytes
    case 3:
      return Buffer.concat([bytes.subarray(0, at), noise(random.integer(40)), bytes.subarray(at)])
    case 4:
      bytes.writeUInt32BE([0, 2 ** 32 - 1, 2 ** 31, 0xffff, 1][random.integer(5)]!, Math.min(at, bytes.length - 4))
      return bytes
    default:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + 200), bytes.subarray(at)])
  }
}

function bmp(): Uint8Array {
  const bytes = Buffer.alloc(54 + 96 * 80 * 3, 0x5a)
  bytes.fill(0, 0, 54)
  bytes.write('BM')
  for (const [at, value] of [
    [10, 54],
    [14, 40],
    [18, 96],
    [22, 80],
    [26, (24 << 16) | 1],
  ] as const)
    bytes.writeUInt32LE(value, at)
  return bytes
}

it('reads or refuses mutated images with a code, and never breaks', async () => {
  const pixels = Uint8Array.from({ length: 96 * 80 * 3 }, () => random.integer(256))
  const encode = (format: (image: Sharp) => Sharp) =>
    format(sharp(pixels, { raw: { width: 96, height: 80, channels: 3 } })).toBuffer()
  const originals = [
    await encode((image) => image.jpeg()),
    await encode((image) => image.jpeg({ progressive: true })),
    await encode((image) => image.png()),
    await encode((image) => image.png({ palette: true })),
    await encode((image) => image.toColourspace('rgb16').png()),
    await encode((image) => image.webp()),
    await encode((image) => image.gif()),
    await encode((image) => image.tiff({ compression: 'lzw' })),
    await encode((image) => image.avif({ effort: 0 })),
    Buffer.from(drawing),
    bmp(),
  ]
  const outcomes = new Map<string, number>()
  for (let i = 0; i < originals.length * 30; i++) {
    const source = mutate(originals[i % originals.length]!)
    const outcome = await decodeImage({ source }, { maxPixels: 1_000_000 }).then(
      ({ data, width, height }) => (data.length === width * height * 3 ? 'decoded' : 'wrong size'),
      (error: unknown) => (isLookalikeError(error) && error.code.startsWith('image/') ? 'refused' : String(error)),
    )
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }
  expect([...outcomes.keys()].sort()).toEqual(['decoded', 'refused'])
})

import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRandom } from '@lookalike/core'
import { decodeImage, encodePng } from '@lookalike/image'
import sharp from 'sharp'
import { tryMutants } from '../lib/mutants.mjs'
import { mutateBytes } from '../lib/mutate.mjs'

const DRAWING = `<svg xmlns="http://www.w3.org/2000/svg" width="96" height="80" viewBox="0 0 96 80"><defs><linearGradient id="g"><stop offset="0" stop-color="red"/><stop offset="1"/></linearGradient><filter id="f"><feGaussianBlur stdDeviation="3"/></filter></defs><rect id="r" width="50" height="40" fill="url(#g)" filter="url(#f)"/><use href="#r" x="9"/><text x="5" y="50">a</text><path d="M0 0 C 10 10 20 20 30 5 L 60 70 Z" transform="scale(1.5)"/></svg>`

/** A header of 54 bytes and rows from the bottom. */
function bmp(pixels) {
  const bytes = Buffer.alloc(54 + pixels.length)
  bytes.write('BM')
  const numbers = { 2: bytes.length, 10: 54, 14: 40, 18: 96, 22: 80, 26: (24 << 16) | 1 }
  for (const [at, value] of Object.entries(numbers)) bytes.writeUInt32LE(value, Number(at))
  bytes.set(pixels, 54)
  return bytes
}

export async function open() {
  const random = createRandom('pictures')
  const pixels = Uint8Array.from({ length: 96 * 80 * 3 }, (_, i) => (i * 7 + random.integer(20)) & 255)
  const image = () => sharp(pixels, { raw: { width: 96, height: 80, channels: 3 } })
  const originals = [
    await image().jpeg().toBuffer(),
    await image().jpeg({ progressive: true }).toBuffer(),
    await image().toColourspace('cmyk').jpeg().toBuffer(),
    await image().withMetadata({ orientation: 6 }).jpeg().toBuffer(),
    await image().png().toBuffer(),
    await image().png({ palette: true }).toBuffer(),
    await image().png({ progressive: true }).toBuffer(),
    await image().toColourspace('rgb16').png().toBuffer(),
    await image().withIccProfile('p3').png().toBuffer(),
    await image().webp().toBuffer(),
    await image().webp({ lossless: true }).toBuffer(),
    await image().gif().toBuffer(),
    await image().tiff({ compression: 'none' }).toBuffer(),
    await image().tiff({ compression: 'lzw' }).toBuffer(),
    await image().tiff({ compression: 'jpeg' }).toBuffer(),
    await image().toColourspace('rgb16').tiff().toBuffer(),
    await image().threshold().toColourspace('b-w').tiff({ bitdepth: 1, compression: 'ccittfax4' }).toBuffer(),
    await image().avif({ effort: 0 }).toBuffer(),
    Buffer.from(await encodePng({ data: pixels, width: 96, height: 80 })),
    Buffer.from(DRAWING),
    bmp(pixels),
  ]
  return {
    async attempt(i) {
      const source = mutateBytes(originals[i % originals.length], createRandom(`image ${i}`))
      const { data, width, height } = await decodeImage({ source }, { maxPixels: 1_000_000 })
      if (data.length !== width * height * 3) throw new Error(`${data.length} values for ${width} x ${height} pixels`)
    },
  }
}

export default {
  name: 'input: mutated images of 21 kinds',
  run: ({ folder, short }) =>
    tryMutants(fileURLToPath(import.meta.url), { folder: path.join(folder, 'images'), count: short ? 210 : 10_000 }),
}

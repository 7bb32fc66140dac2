import { createRandom } from '@lookalike/core'
import sharp from 'sharp'
import { expect, it } from 'vitest'
import { decodeImage } from './decode-image.js'
import { encodePng, thumbnail } from './encode-image.js'

const random = createRandom(1)
const image = { width: 90, height: 60, data: Uint8Array.from({ length: 90 * 60 * 3 }, () => random.integer(256)) }

it('encodes PNG without loss', async () => {
  const { width, height, data } = await decodeImage({ source: await encodePng(image) })
  expect([width, height]).toEqual([90, 60])
  expect(Buffer.compare(data, image.data)).toBe(0)
})

it('makes small JPEGs, of a box if asked, never larger than the image', async () => {
  const size = async (...args: Parameters<typeof thumbnail>) => {
    const { format, width, height } = await sharp(await thumbnail(...args)).metadata()
    return [format, width, height]
  }
  const large = await sharp(image.data, { raw: { width: 90, height: 60, channels: 3 } })
    .resize(1600, 800, { fit: 'fill' })
    .jpeg()
    .toBuffer()
  expect(await size({ source: image }, 45)).toEqual(['jpeg', 45, 30])
  expect(await size({ source: image }, 500)).toEqual(['jpeg', 90, 60])
  expect(await size({ source: large }, 100)).toEqual(['jpeg', 100, 50])
  expect(await size({ source: large, box: { x: 0, y: 0, width: 0.25, height: 1 } }, 100)).toEqual(['jpeg', 50, 100])
})

import { crc32, deflateSync } from 'node:zlib'
import type { RawImage } from '@lookalike/core'

/** Raw pixels as a PNG file: 8-bit RGB, no filters. */
export function pngOf({ data, width, height }: RawImage): Uint8Array {
  const lines = Buffer.alloc(height * (1 + width * 3))
  for (let y = 0; y < height; y++) lines.set(data.subarray(y * width * 3, (y + 1) * width * 3), y * (1 + width * 3) + 1)
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  // Bits a channel, and RGB.
  header.set([8, 2], 8)
  const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)
  return new Uint8Array(
    Buffer.concat([
      signature,
      chunk('IHDR', header),
      chunk('IDAT', deflateSync(lines)),
      chunk('IEND', Buffer.alloc(0)),
    ]),
  )
}

function chunk(type: string, content: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), content])
  const framed = Buffer.alloc(body.length + 8)
  framed.writeUInt32BE(content.length, 0)
  framed.set(body, 4)
  framed.writeUInt32BE(crc32(body), body.length + 4)
  return framed
}

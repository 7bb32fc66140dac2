import { crc32 } from 'node:zlib'

/** A PNG file that ends early as a file of the chunks that are there, so that decoders read all of them. */
export function completePng(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 8
  while (at + 8 <= bytes.length && at + 12 + view.getUint32(at) <= bytes.length) at += 12 + view.getUint32(at)
  const rest = bytes.subarray(at + 4)
  const isData = Buffer.from(rest.subarray(0, 4)).toString('latin1') === 'IDAT'
  const last = isData ? [uint32(rest.length - 4), rest, uint32(crc32(rest))] : []
  const end = Buffer.from('IEND')
  return Buffer.concat([bytes.subarray(0, at), ...last, uint32(0), end, uint32(crc32(end))])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

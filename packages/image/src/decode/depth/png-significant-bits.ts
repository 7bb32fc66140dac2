/** The number of bits of the first channel that a PNG file says carry the picture (chunk `sBIT`). */
export function pngSignificantBits(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at)
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8))
    if (type === 'sBIT') return length > 0 ? bytes[at + 8] : undefined
    if (type === 'IDAT') return undefined
    at += length + 12
  }
  return undefined
}

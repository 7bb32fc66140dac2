/**
 * A TIFF file of 16-bit floating point numbers as one of 16-bit integers with the same bits, undefined for any other: the decoder cuts such numbers
 * to whole ones, and gives integers as they are.
 */
export function asIntegers(bytes: Uint8Array): Uint8Array | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const little = bytes[0] === 0x49
  // BigTIFF files have another layout.
  if (bytes.length < 8 || view.getUint16(2, little) !== 42) return undefined
  const directory = view.getUint32(4, little)
  if (directory + 2 > bytes.length) return undefined
  const found = new Map<number, readonly number[]>()
  for (let i = 0, at = directory + 2; i < view.getUint16(directory, little) && at + 12 <= bytes.length; i++, at += 12) {
    const count = view.getUint32(at + 4, little)
    const start = count <= 2 ? at + 8 : view.getUint32(at + 8, little)
    // Of the type SHORT, a few: one a channel.
    if (view.getUint16(at + 2, little) !== 3 || count > 8 || start + 2 * count > bytes.length) continue
    found.set(
      view.getUint16(at, little),
      Array.from({ length: count }, (_, n) => start + 2 * n),
    )
  }
  const [bits, formats = []] = [found.get(258), found.get(339)]
  const all = (places: readonly number[], value: number) => places.every((at) => view.getUint16(at, little) === value)
  if (!bits || !all(bits, 16) || formats.length === 0 || !all(formats, 3)) return undefined
  const copy = bytes.slice()
  for (const at of formats) new DataView(copy.buffer).setUint16(at, 1, little)
  return copy
}

/** Numbers of IEEE 754 half precision from their bits. */
export function fromHalves(bits: Uint16Array): Float32Array {
  return Float32Array.from(bits, (half) => {
    const sign = half & 0x8000 ? -1 : 1
    const exponent = (half >> 10) & 31
    const fraction = half & 1023
    if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN
    return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
  })
}

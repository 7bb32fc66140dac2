/** The values that a TIFF file's first page says are black and white, where it says so; ends are those of the first channel. */
export function tiffRange(bytes: Uint8Array): { readonly min: number; readonly max: number } | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const little = bytes[0] === 0x49
  // BigTIFF files do not say it.
  if (bytes.length < 8 || view.getUint16(2, little) !== 42) return undefined
  const directory = view.getUint32(4, little)
  if (directory + 2 > bytes.length) return undefined
  const found = new Map<number, number>()
  for (let i = 0, at = directory + 2; i < view.getUint16(directory, little) && at + 12 <= bytes.length; i++, at += 12) {
    const value = firstValue(view, at, little)
    if (value !== undefined) found.set(view.getUint16(at, little), value)
  }
  // SMinSampleValue and SMaxSampleValue, else MinSampleValue and MaxSampleValue.
  const max = found.get(341) ?? found.get(281)
  const min = found.get(340) ?? found.get(280) ?? 0
  return max !== undefined && max > min ? { min, max } : undefined
}

function firstValue(view: DataView, entry: number, little: boolean): number | undefined {
  const type = view.getUint16(entry + 2, little)
  const count = view.getUint32(entry + 4, little)
  const size = { 3: 2, 4: 4, 11: 4, 12: 8 }[type]
  if (size === undefined) return undefined
  const at = size * count <= 4 ? entry + 8 : view.getUint32(entry + 8, little)
  if (at + size > view.byteLength) return undefined
  switch (type) {
    case 3:
      return view.getUint16(at, little)
    case 4:
      return view.getUint32(at, little)
    case 11:
      return view.getFloat32(at, little)
    default:
      return view.getFloat64(at, little)
  }
}

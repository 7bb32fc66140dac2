/** What a TIFF file's first page says of its first channel beside the colours: 0 for anything at all, 1 and 2 for alpha. */
export const tiffExtraSample = (bytes: Uint8Array): number | undefined => firstValues(bytes)?.get(338)

/** The values that a TIFF file's first page says are black and white, where it says so; ends are those of the first channel. */
export function tiffRange(bytes: Uint8Array): { readonly min: number; readonly max: number } | undefined {
  const found = firstValues(bytes)
  // SMinSampleValue and SMaxSampleValue, else MinSampleValue and MaxSampleValue.
  const max = found?.get(341) ?? found?.get(281)
  const min = found?.get(340) ?? found?.get(280) ?? 0
  return max !== undefined && max > min ? { min, max } : undefined
}

/** The first value of each tag of the first page. */
function firstValues(bytes: Uint8Array): ReadonlyMap<number, number> | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 16) return undefined
  const little = bytes[0] === 0x49
  const layout = LAYOUTS[view.getUint16(2, little)]
  if (!layout) return undefined
  const { offset, count, entry } = layout
  const number = (at: number, size: number) =>
    size === 2
      ? view.getUint16(at, little)
      : size === 4
        ? view.getUint32(at, little)
        : Number(view.getBigUint64(at, little))
  const directory = number(offset.at, offset.size)
  if (directory + count > bytes.length) return undefined
  const found = new Map<number, number>()
  const entries = number(directory, count)
  for (let i = 0, at = directory + count; i < entries && at + entry <= bytes.length; i++, at += entry) {
    const size = SIZES[view.getUint16(at + 2, little)]
    if (size === undefined) continue
    const inside = size * number(at + 4, offset.size) <= offset.size
    const place = inside ? at + 4 + offset.size : number(at + 4 + offset.size, offset.size)
    if (place + size <= bytes.length)
      found.set(view.getUint16(at, little), valueAt(view, place, view.getUint16(at + 2, little), little))
  }
  return found
}

/** Of TIFF and of BigTIFF: where the first page's place stands, and bytes of the number of entries and of an entry. */
const LAYOUTS: Readonly<Record<number, { offset: { at: number; size: number }; count: number; entry: number }>> = {
  42: { offset: { at: 4, size: 4 }, count: 2, entry: 12 },
  43: { offset: { at: 8, size: 8 }, count: 8, entry: 20 },
}
const SIZES: Readonly<Record<number, number>> = { 3: 2, 4: 4, 11: 4, 12: 8 }

function valueAt(view: DataView, at: number, type: number, little: boolean): number {
  if (type === 3) return view.getUint16(at, little)
  if (type === 4) return view.getUint32(at, little)
  return type === 11 ? view.getFloat32(at, little) : view.getFloat64(at, little)
}

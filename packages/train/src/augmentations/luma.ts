/** Lightness of the RGB pixel at `i` as Pillow rounds it: ITU-R 601-2. */
export function luma(data: Uint8Array, i: number): number {
  return (data[i]! * 19595 + data[i + 1]! * 38470 + data[i + 2]! * 7471 + 0x8000) >> 16
}

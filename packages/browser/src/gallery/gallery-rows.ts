import { LookalikeError } from '@lookalike/core'

/** Vectors as 8-bit numbers, each row with a scale of its own. */
export interface GalleryRows {
  readonly rows: number
  readonly dim: number
  /** Row-major, -127 to 127. */
  readonly data: Int8Array
  /** Of each row: a value is its 8-bit number times this. */
  readonly scales: Float32Array
}

/** A quarter of the bytes: a cosine changes by about a thousandth. */
export function quantiseRows(vectors: Float32Array, dim: number): GalleryRows {
  const rows = vectors.length / dim
  const data = new Int8Array(rows * dim)
  const scales = new Float32Array(rows)
  for (let row = 0; row < rows; row++) {
    let largest = 0
    for (let i = row * dim; i < (row + 1) * dim; i++) largest = Math.max(largest, Math.abs(vectors[i]!))
    // A row of zeros keeps a harmless scale.
    const scale = largest > 0 ? largest / 127 : 1
    scales[row] = scale
    for (let i = row * dim; i < (row + 1) * dim; i++) data[i] = Math.round(vectors[i]! / scale)
  }
  return { rows, dim, data, scales }
}

/** As a file: the scales as little-endian float32, then the rows. */
export function writeGalleryRows({ data, scales }: GalleryRows): Uint8Array {
  const bytes = new Uint8Array(scales.length * 4 + data.length)
  const view = new DataView(bytes.buffer)
  scales.forEach((scale, row) => view.setFloat32(row * 4, scale, true))
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), scales.length * 4)
  return bytes
}

/** @throws `browser/gallery` when the file has another length */
export function readGalleryRows(bytes: Uint8Array, rows: number, dim: number): GalleryRows {
  if (bytes.length !== rows * (dim + 4)) {
    throw new LookalikeError('browser/gallery', {
      problem: `The vectors of the gallery are ${bytes.length} bytes`,
      expected: `${rows * (dim + 4)}: ${rows} of ${dim} numbers`,
      fix: 'Export the gallery again.',
    })
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return {
    rows,
    dim,
    scales: Float32Array.from({ length: rows }, (_, row) => view.getFloat32(row * 4, true)),
    data: new Int8Array(bytes.buffer, bytes.byteOffset + rows * 4, rows * dim),
  }
}

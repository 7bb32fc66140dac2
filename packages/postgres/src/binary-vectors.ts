import { type Embeddings, rowOf } from '@lookalike/core'

/**
 * Rows of a matrix as a value of the type `vector[]` in PostgreSQL's binary format (`array_recv`): dimensions, nulls, the elements' type, length
 * and first index; then each element with its length in bytes. pgvector's element is its length, two bytes unused and the values as float32. The
 * most significant byte comes first throughout.
 *
 * @param type the number that this database gave the type `vector`
 */
export function vectorArray(type: number, matrix: Embeddings, from: number, to: number): Uint8Array {
  const { dim } = matrix
  const bytes = Buffer.alloc(20 + (to - from) * (8 + dim * 4))
  for (const [i, value] of [1, 0, type, to - from, 1].entries()) bytes.writeInt32BE(value, i * 4)
  let at = 20
  for (let row = from; row < to; row++) {
    at = bytes.writeInt32BE(4 + dim * 4, at)
    at = bytes.writeInt16BE(dim, at) + 2
    for (const value of rowOf(matrix, row)) at = bytes.writeFloatBE(value, at)
  }
  return bytes
}

/** What `vector_send` gives, into `target`. */
export function readVector(bytes: Uint8Array, target: Float32Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let i = 0; i < target.length; i++) target[i] = view.getFloat32(4 + i * 4)
}

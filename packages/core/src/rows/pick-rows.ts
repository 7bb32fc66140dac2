/**
 * Some rows of a row-major matrix in a new one, in the order given; a row may come twice.
 *
 * @param data `[any, dim]`
 * @param rows from 0
 * @example
 * pickRows(Float32Array.of(1, 2, 3, 4, 5, 6), 2, [2, 0]) // Float32Array [5, 6, 1, 2]
 */
export function pickRows(data: Float32Array, dim: number, rows: Iterable<number>): Float32Array {
  const picked = [...rows]
  const out = new Float32Array(picked.length * dim)
  picked.forEach((row, i) => out.set(data.subarray(row * dim, (row + 1) * dim), i * dim))
  return out
}

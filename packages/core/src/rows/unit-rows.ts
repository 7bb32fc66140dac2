import { dotRows } from './dot-rows.js'

/**
 * A copy whose rows have length 1; zeros stay zeros.
 *
 * @param data row-major, `dim` values a row
 */
export function unitRows(data: Float32Array, dim: number): Float32Array {
  const result = new Float32Array(data.length)
  for (let row = 0; row * dim < data.length; row++) {
    const square = dotRows(data, row, data, row, dim)
    const scale = square > 0 ? 1 / Math.sqrt(square) : 0
    for (let i = row * dim; i < (row + 1) * dim; i++) result[i] = data[i]! * scale
  }
  return result
}

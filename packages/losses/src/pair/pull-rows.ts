import { type Matrix, matrix, type Products } from '../products/products.js'
import type { CentredRows, ScaledRows } from './centred-rows.js'

/**
 * `sum_j w_ij (r_j - r_i)` for each of the first `pulls.rows` rows, as a matrix product on centred rows; the pairs at the places
 * `near` are subtracted one by one, since a product would lose their digits. Overwrites the pulls at these places with 0.
 *
 * @param pulls w, `[rows, all rows]`
 */
export async function pullRows(
  pulls: Matrix,
  centred: CentredRows,
  rows: ScaledRows,
  near: readonly number[],
  products: Products,
): Promise<Float32Array> {
  const { dim } = rows
  const direct = near.length > 0 ? pullDirectly(pulls, rows, near) : undefined
  const product = (await products.ab(pulls, matrix(centred.data, centred.rows, dim))).data
  for (let row = 0; row < pulls.rows; row++) {
    let sum = 0
    for (let at = row * pulls.cols; at < (row + 1) * pulls.cols; at++) sum += pulls.data[at]!
    for (let i = row * dim; i < (row + 1) * dim; i++)
      product[i] = (product[i]! - sum * centred.data[i]!) * centred.unit + (direct?.[i] ?? 0)
  }
  return product
}

function pullDirectly(pulls: Matrix, { data, factors, dim }: ScaledRows, near: readonly number[]): Float64Array {
  const result = new Float64Array(pulls.rows * dim)
  for (const at of near) {
    const weight = pulls.data[at]!
    pulls.data[at] = 0
    const row = Math.floor(at / pulls.cols)
    const other = at % pulls.cols
    if (weight === 0 || other === row) continue
    const [own, theirs] = [factors[row]!, factors[other]!]
    for (let d = 0; d < dim; d++)
      result[row * dim + d]! += weight * (data[other * dim + d]! * theirs - data[row * dim + d]! * own)
  }
  return result
}

import type { CentredRows, ScaledRows } from './centred-rows.js'

/**
 * Below this share of their squared lengths, the squared distance of two centred rows has lost too many digits in the
 * difference of the squares, and is measured directly.
 */
const NEAR = 0.03

export interface Distances {
  /** Euclidean distances or their squares, row-major `[rows, columns]`. */
  readonly values: Float32Array
  /** Places of the pairs that are too near for products, ascending. */
  readonly near: readonly number[]
}

/**
 * Turns inner products of centred rows into (squared) Euclidean distances, in place: each to single precision, however near the
 * rows are to each other.
 *
 * @param products `[rows, columns]`, of the first `rows` of `centred` with all of them
 */
export function distancesFromProducts(
  products: Float32Array,
  centred: CentredRows,
  rows: ScaledRows,
  measure: 'euclidean' | 'squared',
): Distances {
  const columns = centred.rows
  const squares = squaredNorms(centred)
  const scale = centred.unit ** 2
  const near: number[] = []
  for (let row = 0, at = 0; at < products.length; row++) {
    for (let column = 0; column < columns; column++, at++) {
      const total = squares[row]! + squares[column]!
      let squared = total - 2 * products[at]!
      if (squared < NEAR * total) {
        near.push(at)
        squared = directly(rows, row, column)
      } else squared *= scale
      products[at] = measure === 'squared' ? squared : Math.sqrt(squared)
    }
  }
  return { values: products, near }
}

function squaredNorms({ data, rows, cols }: CentredRows): Float64Array {
  const squares = new Float64Array(rows)
  for (let row = 0; row < rows; row++) {
    for (let i = row * cols; i < (row + 1) * cols; i++) squares[row]! += data[i]! ** 2
  }
  return squares
}

function directly({ data, factors, dim }: ScaledRows, a: number, b: number): number {
  if (a === b) return 0
  const [factorA, factorB] = [factors[a]!, factors[b]!]
  let sum = 0
  for (let d = 0; d < dim; d++) {
    const difference = data[a * dim + d]! * factorA - data[b * dim + d]! * factorB
    sum += difference * difference
  }
  return sum
}

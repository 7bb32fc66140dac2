import type { Matrix } from '../products/products.js'

/** Below this share of the squared norms, the difference of squares has lost too many digits. */
const CANCELLED = 1e-3

/** Turns the inner products `a b^T` into (squared) Euclidean distances, in place. */
export function distancesFromProducts(
  values: Float32Array,
  a: Matrix,
  b: Matrix,
  measure: 'euclidean' | 'squared',
): void {
  const squaresA = squaredNorms(a)
  const squaresB = squaredNorms(b)
  for (let row = 0; row < a.rows; row++) {
    for (let column = 0; column < b.rows; column++) {
      const at = row * b.rows + column
      const total = squaresA[row]! + squaresB[column]!
      let squared = total - 2 * values[at]!
      if (squared < CANCELLED * total) squared = directly(a, row, b, column)
      values[at] = measure === 'squared' ? squared : Math.sqrt(squared)
    }
  }
}

/**
 * From d value / d distance makes the h with `gradient of a_i = sum_j h_ij (a_i - b_j)`, in place in `g` and in `own` (the
 * columns of `g` that are the rows of `a` themselves). Returns the sums of h that multiply each row of `a`. Where two rows
 * are equal the gradient of the distance is taken as 0.
 */
export function distancesBackward(
  g: Matrix,
  own: Matrix,
  values: Float32Array,
  measure: 'euclidean' | 'squared',
): Float64Array {
  const { rows, cols } = g
  const sums = new Float64Array(rows)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < cols; column++) {
      const at = row * cols + column
      const distance = values[at]!
      const h = measure === 'squared' ? 2 * g.data[at]! : distance > 0 ? g.data[at]! / distance : 0
      g.data[at] = h
      sums[row]! += h
      if (column < rows) {
        own.data[row * rows + column] = h
        sums[column]! += h
      }
    }
  }
  return sums
}

function squaredNorms({ data, rows, cols }: Matrix): Float64Array {
  const squares = new Float64Array(rows)
  for (let row = 0; row < rows; row++) {
    for (let i = row * cols; i < (row + 1) * cols; i++) squares[row]! += data[i]! ** 2
  }
  return squares
}

function directly(a: Matrix, row: number, b: Matrix, column: number): number {
  let sum = 0
  for (let i = 0; i < a.cols; i++) sum += (a.data[row * a.cols + i]! - b.data[column * b.cols + i]!) ** 2
  return sum
}

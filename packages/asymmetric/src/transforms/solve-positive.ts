/**
 * Solves `A X = B` for a symmetric positive definite A by its Cholesky factor, in double precision and place: `matrix` becomes the
 * factor, `right` the solution. Both are walked along their rows.
 *
 * @param matrix `[size, size]`, row-major
 * @param right `[size, columns]`, row-major
 * @throws `RangeError` when the matrix is not positive definite
 */
export function solvePositive(matrix: Float64Array, size: number, right: Float64Array, columns: number): void {
  for (let i = 0; i < size; i++) {
    const row = i * size
    for (let j = 0; j <= i; j++) {
      const other = j * size
      let sum = matrix[row + j]!
      for (let k = 0; k < j; k++) sum -= matrix[row + k]! * matrix[other + k]!
      if (j < i) matrix[row + j] = sum / matrix[other + j]!
      else if (sum > 0) matrix[row + j] = Math.sqrt(sum)
      else throw new RangeError('The matrix is not positive definite.')
    }
  }
  const subtract = (to: number, from: number, factor: number) => {
    const [a, b] = [to * columns, from * columns]
    for (let c = 0; c < columns; c++) right[a + c]! -= factor * right[b + c]!
  }
  const divide = (i: number) => {
    const pivot = matrix[i * size + i]!
    for (let at = i * columns; at < (i + 1) * columns; at++) right[at]! /= pivot
  }
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < i; k++) subtract(i, k, matrix[i * size + k]!)
    divide(i)
  }
  for (let i = size - 1; i >= 0; i--) {
    for (let k = i + 1; k < size; k++) subtract(i, k, matrix[k * size + i]!)
    divide(i)
  }
}

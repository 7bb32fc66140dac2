import { type Matrix, matrix, type Products } from '../products/products.js'

const BLOCK = 1024

/** The largest inner product of two different rows of `unit`, block by block, so that no C x C matrix is held. */
export async function largestCosine(unit: Matrix, products: Products): Promise<number> {
  const { data, rows, cols } = unit
  const block = (first: number) => {
    const count = Math.min(BLOCK, rows - first)
    return matrix(data.subarray(first * cols, (first + count) * cols), count, cols)
  }
  let largest = -1
  for (let i = 0; i < rows; i += BLOCK) {
    const a = block(i)
    for (let j = i; j < rows; j += BLOCK) {
      const cosines = await products.abt(a, block(j))
      const values = cosines.data
      for (let r = 0; r < cosines.rows; r++) {
        // On the diagonal block only what lies right of the diagonal.
        const end = (r + 1) * cosines.cols
        for (let k = r * cosines.cols + (i === j ? r + 1 : 0); k < end; k++)
          if (values[k]! > largest) largest = values[k]!
      }
    }
  }
  return Math.min(largest, 1)
}

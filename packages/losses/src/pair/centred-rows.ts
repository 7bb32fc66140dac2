import type { Matrix } from '../products/products.js'

/** Rows of embeddings, each with the factor that it counts with: 1, or 1 / its length. */
export interface ScaledRows {
  /** Row-major `[factors.length, dim]`. */
  readonly data: Float32Array
  readonly factors: Float64Array
  readonly dim: number
}

export interface CentredRows extends Matrix {
  /** The rows were divided by it, so that their squares neither overflow nor vanish. */
  readonly unit: number
}

/**
 * The rows minus the mean of the first `count`, so that what embeddings have in common takes no digits from their differences.
 * The subtraction is in double precision.
 */
export function centreRows(rows: ScaledRows, count: number): CentredRows {
  const { data, factors, dim } = rows
  const mean = new Float64Array(dim)
  for (let row = 0; row < count; row++) {
    for (let d = 0; d < dim; d++) mean[d]! += (data[row * dim + d]! * factors[row]!) / count
  }
  let unit = 0
  for (let row = 0; row < factors.length; row++) {
    for (let d = 0; d < dim; d++) {
      const size = Math.abs(data[row * dim + d]! * factors[row]! - mean[d]!)
      if (size > unit) unit = size
    }
  }
  unit ||= 1
  const centred = new Float32Array(data.length)
  for (let row = 0; row < factors.length; row++) {
    for (let d = 0; d < dim; d++) centred[row * dim + d] = (data[row * dim + d]! * factors[row]! - mean[d]!) / unit
  }
  return { data: centred, rows: factors.length, cols: dim, unit }
}

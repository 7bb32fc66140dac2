import { LookalikeError } from '@lookalike/core'
import { EigenvalueDecomposition, Matrix } from 'ml-matrix'

/** Principal components: `(x - mean)` times `components`. */
export interface Pca {
  readonly inputDim: number
  readonly dim: number
  readonly mean: Float32Array
  /** `[dim, inputDim]`, row-major, orthonormal rows, largest variance first; the largest entry of each row is positive. */
  readonly components: Float32Array
  /** Variance along each component (divisor rows - 1). */
  readonly variances: Float32Array
}

/**
 * Exact PCA through the smaller of the covariance and the Gram matrix. Keeps fewer than `dim` components where the rows span fewer.
 *
 * @param data row-major `[rows, inputDim]`
 * @throws `ensemble/few-references` with fewer than two rows
 */
export function fitPca(data: Float32Array, inputDim: number, dim: number): Pca {
  const rows = data.length / inputDim
  if (rows < 2) throw tooFew(rows)
  const mean = new Float32Array(inputDim)
  for (let row = 0; row < rows; row++) for (let i = 0; i < inputDim; i++) mean[i]! += data[row * inputDim + i]! / rows
  const centred = new Matrix(rows, inputDim)
  for (let row = 0; row < rows; row++)
    for (let i = 0; i < inputDim; i++) centred.set(row, i, data[row * inputDim + i]! - mean[i]!)
  const gram = rows < inputDim
  const square = gram ? centred.mmul(centred.transpose()) : centred.transpose().mmul(centred)
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(square, { assumeSymmetric: true })
  const order = realEigenvalues.map((_, at) => at).sort((x, y) => realEigenvalues[y]! - realEigenvalues[x]!)
  const largest = Math.max(realEigenvalues[order[0]!]!, 0)
  const kept = order.filter((at) => realEigenvalues[at]! > largest * 1e-10).slice(0, dim)
  const components = new Float32Array(kept.length * inputDim)
  kept.forEach((at, component) => {
    const vector = gram
      ? centred.transpose().mmul(eigenvectorMatrix.getColumnVector(at)).to1DArray()
      : eigenvectorMatrix.getColumn(at)
    const norm = Math.hypot(...vector)
    const sign = Math.sign(vector.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0))
    for (let i = 0; i < inputDim; i++) components[component * inputDim + i] = (sign * vector[i]!) / norm
  })
  return {
    inputDim,
    dim: kept.length,
    mean,
    components,
    variances: Float32Array.from(kept, (at) => realEigenvalues[at]! / (rows - 1)),
  }
}

/** Rows in the space of the components, row-major `[rows, dim]`. */
export function projectPca({ inputDim, dim, mean, components }: Pca, data: Float32Array): Float32Array {
  const rows = data.length / inputDim
  const projected = new Float32Array(rows * dim)
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < dim; c++) {
      let sum = 0
      for (let i = 0; i < inputDim; i++) sum += (data[row * inputDim + i]! - mean[i]!) * components[c * inputDim + i]!
      projected[row * dim + c] = sum
    }
  }
  return projected
}

function tooFew(rows: number): LookalikeError {
  return new LookalikeError('ensemble/few-references', {
    problem: `There are ${rows} references to fit the weights on`,
    expected: 'at least two validation references',
    fix: 'Give the dataset a validation part (the option validation of the dataset).',
  })
}

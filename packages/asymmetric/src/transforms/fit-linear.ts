import { unitRows } from '@lookalike/core'
import { CholeskyDecomposition, Matrix } from 'ml-matrix'
import { buildLinear } from './build-linear.js'
import { crossProduct } from './cross-product.js'
import type { PairedEmbeddings, Transform } from './transform.js'

export interface AffineMap {
  /** Row-major `[inputDim, outputDim]`. */
  readonly weight: Float32Array
  readonly bias: Float32Array
}

/** Linear least squares as a transform; see {@link leastSquares}. */
export async function fitLinear(pairs: PairedEmbeddings, ridge: number, threads?: number): Promise<Transform> {
  const { weight, bias } = await leastSquares(pairs, ridge, threads)
  return buildLinear('linear', weight, pairs.inputDim, pairs.outputDim, bias)
}

/**
 * Linear least squares with a bias and ridge: `W = (X'^T X' + ridge * n * I)^-1 X'^T Y'` on centred unit vectors, the bias
 * unpenalised.
 *
 * @param ridge times the number of rows, so that it means the same for any number of images; above 0
 */
export async function leastSquares(pairs: PairedEmbeddings, ridge: number, threads?: number): Promise<AffineMap> {
  const { inputDim, outputDim, rows } = pairs
  const x = unitRows(pairs.from, inputDim)
  const y = unitRows(pairs.to, outputDim)
  const meanX = takeMean(x, inputDim)
  const meanY = takeMean(y, outputDim)
  const gram = Matrix.from1DArray(inputDim, inputDim, await crossProduct(x, inputDim, x, inputDim, threads))
  for (let i = 0; i < inputDim; i++) gram.set(i, i, gram.get(i, i) + ridge * rows)
  const right = Matrix.from1DArray(inputDim, outputDim, await crossProduct(x, inputDim, y, outputDim, threads))
  const weight = Float32Array.from(new CholeskyDecomposition(gram).solve(right).to1DArray())
  const bias = Float32Array.from(meanY, (value, column) => {
    let sum = value
    for (let i = 0; i < inputDim; i++) sum -= meanX[i]! * weight[i * outputDim + column]!
    return sum
  })
  return { weight, bias }
}

/** The mean row; taken off every row in place. */
function takeMean(data: Float32Array, dim: number): Float64Array {
  const mean = new Float64Array(dim)
  const rows = data.length / dim
  for (let i = 0; i < data.length; i++) mean[i % dim]! += data[i]! / rows
  for (let i = 0; i < data.length; i++) data[i]! -= mean[i % dim]!
  return mean
}

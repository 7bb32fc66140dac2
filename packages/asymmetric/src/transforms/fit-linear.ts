import { unitRows } from '@lookalike/core'
import type { Execution } from '@lookalike/onnx'
import { buildLinear } from './build-linear.js'
import { crossProduct } from './cross-product.js'
import { solvePositive } from './solve-positive.js'
import type { PairedEmbeddings, Transform } from './transform.js'

export interface AffineMap {
  /** Row-major `[inputDim, outputDim]`. */
  readonly weight: Float32Array
  readonly bias: Float32Array
}

/** Linear least squares as a transform; see {@link leastSquares}. */
export async function fitLinear(pairs: PairedEmbeddings, ridge: number, execution?: Execution): Promise<Transform> {
  const { weight, bias } = await leastSquares(pairs, ridge, execution)
  return buildLinear('linear', weight, pairs.inputDim, pairs.outputDim, bias)
}

/**
 * Linear least squares with a bias and ridge: `W = (X'^T X' + ridge * n * I)^-1 X'^T Y'` on centred unit vectors, the bias
 * unpenalised.
 *
 * @param ridge times the number of rows, so that it means the same for any number of images; above 0
 */
export async function leastSquares(pairs: PairedEmbeddings, ridge: number, execution?: Execution): Promise<AffineMap> {
  return (await prepareLeastSquares(pairs, execution))(ridge)
}

/**
 * The same for several ridges: what does not depend on them is computed once. With fewer rows than dimensions the equal
 * `X'^T (X' X'^T + ridge * n * I)^-1 Y'` is solved.
 */
export async function prepareLeastSquares(
  { from, to, inputDim, outputDim, rows }: PairedEmbeddings,
  execution?: Execution,
): Promise<(ridge: number) => Promise<AffineMap>> {
  const x = unitRows(from, inputDim)
  const y = unitRows(to, outputDim)
  const meanX = takeMean(x, inputDim)
  const meanY = takeMean(y, outputDim)
  const few = rows < inputDim
  const side = few ? rows : inputDim
  const own = few ? transposed(x, inputDim) : x
  const gram = await crossProduct(own, side, own, side, execution)
  const right = few ? y : await crossProduct(x, inputDim, y, outputDim, execution)
  return async (ridge) => {
    const penalised = gram.slice()
    for (let i = 0; i < side; i++) penalised[i * side + i]! += ridge * rows
    const solution = Float64Array.from(right)
    solvePositive(penalised, side, solution, outputDim)
    const solved = Float32Array.from(solution)
    const weight = few ? Float32Array.from(await crossProduct(x, inputDim, solved, outputDim, execution)) : solved
    const bias = Float32Array.from(meanY, (value, column) => {
      let sum = value
      for (let i = 0; i < inputDim; i++) sum -= meanX[i]! * weight[i * outputDim + column]!
      return sum
    })
    return { weight, bias }
  }
}

/** The mean row; taken off every row in place. */
function takeMean(data: Float32Array, dim: number): Float64Array {
  const mean = new Float64Array(dim)
  const rows = data.length / dim
  for (let i = 0; i < data.length; i++) mean[i % dim]! += data[i]! / rows
  for (let i = 0; i < data.length; i++) data[i]! -= mean[i % dim]!
  return mean
}

function transposed(data: Float32Array, dim: number): Float32Array {
  const rows = data.length / dim
  const out = new Float32Array(data.length)
  for (let row = 0; row < rows; row++) for (let i = 0; i < dim; i++) out[i * rows + row] = data[row * dim + i]!
  return out
}

import { unitRows } from '@lookalike/core'
import type { Execution } from '@lookalike/onnx'
import { Matrix, SVD } from 'ml-matrix'
import { buildLinear } from './build-linear.js'
import { crossProduct } from './cross-product.js'
import type { PairedEmbeddings, Transform } from './transform.js'

/**
 * Orthogonal Procrustes (Schoenemann 1966): the rotation `R = U V^T` of `X^T Y = U S V^T`, which brings the unit vectors X
 * nearest to Y among all rotations and reflections. With different dimensions R has orthonormal rows or columns.
 */
export async function fitProcrustes(pairs: PairedEmbeddings, execution?: Execution): Promise<Transform> {
  return buildLinear('procrustes', await procrustesRotation(pairs, execution), pairs.inputDim, pairs.outputDim)
}

/** R, row-major `[inputDim, outputDim]`. */
export async function procrustesRotation(
  { from, inputDim, to, outputDim }: PairedEmbeddings,
  execution?: Execution,
): Promise<Float32Array> {
  const cross = await crossProduct(unitRows(from, inputDim), inputDim, unitRows(to, outputDim), outputDim, execution)
  const svd = new SVD(
    new Matrix(Array.from({ length: inputDim }, (_, i) => cross.subarray(i * outputDim, (i + 1) * outputDim))),
    { autoTranspose: true },
  )
  const rank = Math.min(inputDim, outputDim)
  const left = svd.leftSingularVectors.subMatrix(0, inputDim - 1, 0, rank - 1)
  const right = svd.rightSingularVectors.subMatrix(0, outputDim - 1, 0, rank - 1)
  return Float32Array.from(left.mmul(right.transpose()).to1DArray())
}

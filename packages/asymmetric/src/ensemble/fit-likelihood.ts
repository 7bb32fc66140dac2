import { unitRows } from '@lookalike/core'
import { createGraphBuilder, type Execution, float32 } from '@lookalike/onnx'
import { CholeskyDecomposition, Matrix } from 'ml-matrix'
import { createTransformer } from '../transforms/create-transformer.js'
import { crossProduct } from '../transforms/cross-product.js'
import { TRANSFORM_INPUT, TRANSFORM_OUTPUT, type Transform } from '../transforms/transform.js'

/** Share of the mean variance that is added to every direction of the within-class covariance; chosen on validation classes. */
const SHRINKAGE = 0.3
/** Of the regression of 1 on query embeddings. */
const RIDGE = 1e-4

/**
 * Where gallery images lie so that the inner product with a query is the query's log-likelihood, given the image, up to what is the same
 * for all images: queries of an image's class scatter around its mean transformed embedding m as the query model scatters the images of a class
 * (a Gaussian of the within-class covariance S, as in linear discriminant analysis). The paper compares by cosine; this is ours. The query stays as it is.
 *
 * With M = (S / mean variance + 0.3 I)^-1, the mean query mu and d = m - mu the image goes to `M d + c w`, `c = -mu^T M d - d^T M d / 2`, where
 * w is the direction in which all queries have nearly the same inner product, near 1: the least-squares solution of `q^T w = 1`. Where queries have no such direction, w
 * and with it the constant go to 0.
 *
 * @param queries `[rows, dim]`, the query model's embeddings of labelled images
 * @param labels class of each row, 0 to classes - 1
 * @returns undefined when no class has two images
 */
export async function fitLikelihood(
  queries: Float32Array,
  dim: number,
  labels: Int32Array,
  classes: number,
  execution?: Execution,
): Promise<Transform | undefined> {
  const unit = unitRows(queries, dim)
  const rows = labels.length
  const { deviations, used } = withinClasses(unit, dim, labels, classes)
  if (used === 0) return undefined
  const covariance = Matrix.from1DArray(dim, dim, await crossProduct(deviations, dim, deviations, dim, execution)).div(
    used,
  )
  const variance = covariance.trace() / dim
  if (!(variance > 0)) return undefined
  const metric = new CholeskyDecomposition(covariance.div(variance).add(Matrix.eye(dim, dim, SHRINKAGE))).solve(
    Matrix.eye(dim, dim),
  )
  const mean = meanRow(unit, dim)
  const second = Matrix.from1DArray(dim, dim, await crossProduct(unit, dim, unit, dim, execution)).div(rows)
  const bias = new CholeskyDecomposition(second.add(Matrix.eye(dim, dim, RIDGE)))
    .solve(Matrix.columnVector(mean))
    .to1DArray()
  const parts = {
    metric: Float32Array.from(metric.to1DArray()),
    mean: Float32Array.from(mean),
    bias: Float32Array.from(bias),
  }
  return buildLikelihood(parts, dim, 1 / (await meanLength(buildLikelihood(parts, dim, 1), unit, execution)))
}

interface Parts {
  /** M, row-major. */
  readonly metric: Float32Array
  readonly mean: Float32Array
  /** w. */
  readonly bias: Float32Array
}

function buildLikelihood({ metric, mean, bias }: Parts, dim: number, scale: number): Transform {
  const g = createGraphBuilder({ name: 'likelihood' })
  const centre = g.initializer('mean', float32(mean, [1, dim]))
  const d = g.sub(g.input(TRANSFORM_INPUT, 'float32', ['N', dim]), centre)
  const metricOfD = g.matMul(d, g.initializer('metric', float32(metric, [dim, dim])))
  const c = g.mul(g.reduceSum(g.mul(metricOfD, g.add(g.mul(d, g.floats(0.5)), centre)), [1]), g.floats(-1))
  const placed = g.add(metricOfD, g.mul(c, g.initializer('bias', float32(bias, [1, dim]))))
  g.output(g.mul(placed, g.floats(scale)), TRANSFORM_OUTPUT, { shape: ['N', dim] })
  return { kind: 'likelihood', inputDim: dim, outputDim: dim, model: g.build() }
}

/** Rows less the mean of their class, of the classes with two rows or more; the other rows are 0. `used` are the degrees of freedom. */
function withinClasses(
  unit: Float32Array,
  dim: number,
  labels: Int32Array,
  classes: number,
): { deviations: Float32Array; used: number } {
  const sums = new Float64Array(classes * dim)
  const counts = new Int32Array(classes)
  for (const [row, label] of labels.entries()) {
    counts[label]!++
    for (let i = 0; i < dim; i++) sums[label * dim + i]! += unit[row * dim + i]!
  }
  const deviations = new Float32Array(unit.length)
  for (const [row, label] of labels.entries()) {
    if (counts[label]! < 2) continue
    for (let i = 0; i < dim; i++)
      deviations[row * dim + i] = unit[row * dim + i]! - sums[label * dim + i]! / counts[label]!
  }
  return { deviations, used: counts.reduce((sum, count) => sum + Math.max(0, count - 1), 0) }
}

function meanRow(data: Float32Array, dim: number): number[] {
  const mean = Array.from({ length: dim }, () => 0)
  const rows = data.length / dim
  for (let i = 0; i < data.length; i++) mean[i % dim]! += data[i]! / rows
  return mean
}

/** Root mean square, so that similarities keep the size of cosines. */
async function meanLength(transform: Transform, rows: Float32Array, execution?: Execution): Promise<number> {
  const transformer = await createTransformer(transform, execution)
  try {
    const placed = await transformer.apply(rows)
    return Math.sqrt(placed.reduce((sum, value) => sum + value * value, 0) / (rows.length / transform.inputDim))
  } finally {
    await transformer.dispose()
  }
}

import { float32, type GraphBuilder } from '@lookalike/onnx'
import type { Weights } from '../weights/fit-weights.js'
import { affine } from './affine.js'

/**
 * The members' weights as nodes, one tensor a member: `[N, 1]`, or a single number where they are constant.
 *
 * @param features of the base that they look at, `[N, pca.inputDim]`; not needed where the weights are constant
 */
export function addWeights(g: GraphBuilder, weights: Weights, features: string | undefined): string[] {
  if (weights.kind === 'constant') return Array.from(weights.values, (value) => g.floats(value))
  const [all, members] =
    weights.kind === 'mlp'
      ? [addMlp(g, weights, features!), weights.mlp.members]
      : weights.kind === 'gate'
        ? [addGate(g, weights, features!), weights.gate.members]
        : [addMap(g, weights, features!), weights.map.members]
  return Array.from({ length: members }, (_, k) => g.slice(all, [k], [k + 1], [1]))
}

/** Regressors side by side; those below 0 have no say, and where none has one all count the same. */
function addMlp(g: GraphBuilder, { pca, mlp }: Extract<Weights, { kind: 'mlp' }>, features: string): string {
  const { inputDim, hidden, members, scale, inner, innerBias, outer, outerBias } = mlp
  const units = members * hidden
  const inputs = affine(g, features, { ...pca, factor: (column) => 1 / scale[column]! })
  const first = new Float32Array(inputDim * units)
  for (let unit = 0; unit < units; unit++)
    for (let i = 0; i < inputDim; i++) first[i * units + unit] = inner[unit * inputDim + i]!
  const second = new Float32Array(units * members)
  for (let unit = 0; unit < units; unit++) second[unit * members + Math.floor(unit / hidden)] = outer[unit]!
  const constant = (data: Float32Array, shape: readonly number[]) => g.constant(float32(data, shape))
  const active = g.sigmoid(g.add(g.matMul(inputs, constant(first, [inputDim, units])), constant(innerBias, [units])))
  const predicted = g.relu(g.add(g.matMul(active, constant(second, [units, members])), constant(outerBias, [members])))
  const sum = g.reduceSum(predicted, [1])
  return g.where(
    g.greater(sum, g.floats(0)),
    g.div(predicted, g.max(sum, g.floats(1e-30))),
    g.floats(
      Array.from({ length: members }, () => 1 / members),
      [1, members],
    ),
  )
}

/** A softmax over the members. */
function addGate(g: GraphBuilder, { pca, gate }: Extract<Weights, { kind: 'gate' }>, features: string): string {
  const { inputDim, members, scale, weight, bias } = gate
  const inputs = affine(g, features, { ...pca, factor: (column) => 1 / scale[column]! })
  const turned = new Float32Array(weight.length)
  for (let k = 0; k < members; k++)
    for (let i = 0; i < inputDim; i++) turned[i * members + k] = weight[k * inputDim + i]!
  const logits = g.add(
    g.matMul(inputs, g.constant(float32(turned, [inputDim, members]))),
    g.constant(float32(bias, [members])),
  )
  return g.softmax(logits, 1)
}

/** The cell of a point, points outside going to the edge, and what stands in it. */
function addMap(
  g: GraphBuilder,
  { pca, map }: Extract<Weights, { kind: 'credibility-map' }>,
  features: string,
): string {
  const { grid, members, range, weights } = map
  const { inputDim } = pca
  // One coordinate is missing where all references lie on one line.
  const components = new Float32Array(2 * inputDim)
  components.set(pca.components.subarray(0, Math.min(2, pca.dim) * inputDim))
  const point = affine(g, features, { inputDim, dim: 2, mean: pca.mean, components, factor: () => 1 })
  const [minX, maxX, minY, maxY] = range
  const perCell = (min: number, max: number) => (max > min ? grid / (max - min) : 0)
  const position = g.mul(
    g.sub(point, g.floats([minX, minY], [1, 2])),
    g.floats([perCell(minX, maxX), perCell(minY, maxY)], [1, 2]),
  )
  const cell = g.clip(g.node('Floor', [position]), 0, grid - 1)
  const place = g.cast(g.reduceSum(g.mul(cell, g.floats([grid, 1], [1, 2])), [1], false), 'int64')
  return g.gather(g.constant(float32(weights, [grid * grid, members])), place)
}

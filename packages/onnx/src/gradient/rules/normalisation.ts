import type { GraphBuilder } from '../../builder/create-graph-builder.js'
import { float32, sizeOf } from '../../model/tensor.js'
import { otherAxes, positiveAxis, type Rule, type RuleContext, range } from '../rule.js'
import { columnSums } from './matrix.js'

const ones = (g: GraphBuilder, length: number) => g.constant(float32(new Float32Array(length).fill(1)))
const zeros = (g: GraphBuilder, length: number) => g.constant(float32(new Float32Array(length)))

/** Rows of `x` [rows, width] with mean 0 and deviation 1, and one over their deviations [rows, 1]. */
function standardised(
  g: GraphBuilder,
  x: string,
  width: number,
  epsilon: number,
  axis = -1,
): [normal: string, inverse: string] {
  const [normal, , inverse] = g.nodes('LayerNormalization', [x, ones(g, width), zeros(g, width)], 3, {
    axis,
    epsilon,
  })
  return [normal!, inverse!]
}

/** The gradient through `standardised`: what a row's mean and deviation take away is projected out. */
function throughStandardised(g: GraphBuilder, gradient: string, normal: string, inverse: string): string {
  const along = g.mul(normal, g.reduceMean(g.mul(gradient, normal), [-1]))
  return g.mul(g.sub(g.sub(gradient, g.reduceMean(gradient, [-1])), along), inverse)
}

const layerNormalization: Rule = (c) => {
  const { g } = c
  const [x, scale, bias] = c.node.inputs as [string, string, string?]
  const shape = c.shape(x)
  const axis = positiveAxis(c.integer('axis', -1), shape.length)
  const epsilon = c.float('epsilon', 1e-5)
  const width = sizeOf(shape.slice(axis))
  const rows = sizeOf(shape.slice(0, axis))
  const scaleShape = c.shape(scale)
  if (sizeOf(scaleShape) !== width) throw c.unsupported('a LayerNormalization whose scale is broadcast')
  const flat = (value: string) => (axis === shape.length - 1 ? value : g.reshape(value, [rows, width]))
  const dy = flat(c.dy)
  const [normal, inverse] = standardised(g, flat(x), width, epsilon)
  const along = g.mul(dy, normal)
  const vector = scaleShape.length === 1 ? scale : g.reshape(scale, [width])
  const dx = () => {
    // Means over a row of (dy * scale) and (dy * normal * scale): products with a column.
    const column = g.mul(g.reshape(vector, [width, 1]), g.floats(1 / width))
    const level = g.matMul(dy, column)
    const turned = g.mul(normal, g.matMul(along, column))
    const gradient = g.mul(g.sub(g.sub(g.mul(dy, vector), turned), level), inverse)
    return axis === shape.length - 1 ? gradient : g.reshape(gradient, shape)
  }
  const sums = (value: string, to: readonly number[]) => g.reshape(columnSums(g, value, [rows, width]), to)
  return [
    c.wants(0) ? dx() : undefined,
    c.wants(1) ? sums(along, scaleShape) : undefined,
    bias && c.wants(2) ? sums(dy, c.shape(bias)) : undefined,
  ]
}

/** Norms over each of `groups` equal parts of an image's channels. `scale` and `bias` have a value for each channel or each group. */
function groupedNorm(c: RuleContext, groups: number, epsilon: number): readonly (string | undefined)[] {
  const { g, dy } = c
  const [x, scale, bias] = c.node.inputs as [string, string, string]
  const shape = c.shape(x)
  const [images, channels] = shape as [number, number]
  const places = sizeOf(shape.slice(2))
  const width = (channels / groups) * places
  const parts = c.shape(scale)[0]!
  // [images, parts, values that share a scale]
  const shared = [images, parts, (channels * places) / parts]
  const rows = [images * groups, width]
  const [normal, inverse] = standardised(g, g.reshape(x, rows), width, epsilon)
  const sums = (value: string) => g.reduceSum(g.reshape(value, shared), [0, 2], false)
  const dx = () => {
    const scaled = g.mul(g.reshape(dy, shared), g.reshape(scale, [parts, 1]))
    return g.reshape(throughStandardised(g, g.reshape(scaled, rows), normal, inverse), shape)
  }
  return [
    c.wants(0) ? dx() : undefined,
    c.wants(1) ? sums(g.mul(g.reshape(dy, rows), normal)) : undefined,
    bias && c.wants(2) ? sums(dy) : undefined,
  ]
}

const instanceNormalization: Rule = (c) => groupedNorm(c, c.shape(c.node.inputs[0]!)[1]!, c.float('epsilon', 1e-5))
const groupNormalization: Rule = (c) => groupedNorm(c, c.integer('num_groups', 1), c.float('epsilon', 1e-5))

/** With the stored statistics, as in inference: a scale and a shift for each channel. */
const batchNormalization: Rule = (c) => {
  const { g, dy } = c
  // Before opset 14 nothing but further outputs says so.
  const statistics = c.node.outputs.slice(1).some(Boolean)
  if (c.integer('training_mode', 0) !== 0 || statistics)
    throw c.unsupported('a BatchNormalization that is in training mode')
  const [x, scale, , mean, variance] = c.node.inputs as [string, string, string, string, string]
  const shape = c.shape(x)
  const channels = shape[1]!
  const inverse = g.reciprocal(g.sqrt(g.add(variance, g.floats(c.float('epsilon', 1e-5)))))
  const sums = (value: string) => g.reduceSum(value, otherAxes(shape.length, 1), false)
  const dBias = c.wants(1) || c.wants(2) ? sums(dy) : undefined
  const perChannel = (value: string) => g.reshape(value, [channels, ...shape.slice(2).map(() => 1)])
  return [
    c.wants(0) ? g.mul(dy, perChannel(g.mul(scale, inverse))) : undefined,
    c.wants(1) ? g.mul(g.sub(sums(g.mul(dy, x)), g.mul(mean, dBias!)), inverse) : undefined,
    c.wants(2) ? dBias : undefined,
  ]
}

/** Before opset 13 a softmax ran over all axes from the given one on. */
function softmaxAxes(c: RuleContext): number[] {
  const rank = c.outputShape.length
  const old = c.g.opset < 13
  const axis = positiveAxis(c.integer('axis', old ? 1 : -1), rank)
  return old ? range(rank).slice(axis) : [axis]
}

const softmax: Rule = (c) => {
  const { g } = c
  const y = c.node.outputs[0]!
  const along = g.reduceSum(g.mul(c.dy, y), softmaxAxes(c))
  return [g.mul(g.sub(c.dy, along), y)]
}

const logSoftmax: Rule = (c) => {
  const { g } = c
  return [g.sub(c.dy, g.mul(g.exp(c.node.outputs[0]!), g.reduceSum(c.dy, softmaxAxes(c))))]
}

const lpNormalization: Rule = (c) => {
  const { g } = c
  const [x, y] = [c.node.inputs[0]!, c.node.outputs[0]!]
  const axis = c.integer('axis', -1)
  const p = c.integer('p', 2)
  const norm = p === 2 ? g.reduceL2(x, [axis]) : g.reduceSum(g.abs(x), [axis])
  const along = g.mul(p === 2 ? y : g.sign(x), g.reduceSum(g.mul(c.dy, y), [axis]))
  return [g.div(g.sub(c.dy, along), norm)]
}

export const normalisationRules: Readonly<Record<string, Rule>> = {
  LayerNormalization: layerNormalization,
  InstanceNormalization: instanceNormalization,
  GroupNormalization: groupNormalization,
  BatchNormalization: batchNormalization,
  Softmax: softmax,
  LogSoftmax: logSoftmax,
  LpNormalization: lpNormalization,
}

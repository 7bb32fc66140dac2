import type { GraphBuilder } from '../../builder/create-graph-builder.js'
import { sizeOf } from '../../model/tensor.js'
import { positiveAxis, type Rule, type RuleContext, range } from '../rule.js'
import { oneHot, zeros } from './movement.js'

/**
 * Adds `values` up in zeros of the shape `to`, each where `positions` (of the same shape as the values) says along one axis: what
 * GatherElements did, turned round.
 */
function scatterAdd(
  c: RuleContext,
  values: string,
  positions: string,
  from: readonly number[],
  to: readonly number[],
  axis: number,
): string {
  const { g } = c
  if (g.opset >= 16) return g.node('ScatterElements', [zeros(g, to), positions, values], { axis, reduction: 'add' })
  // Before opset 16 nothing adds up: each value times a row of zeros and a one, summed along the axis.
  const size = to[axis]!
  const rank = from.length
  const rows = g.node('OneHot', [positions, g.integers([size]), g.floats([0, 1])], { axis: rank })
  const spread = g.reduceSum(g.mul(g.reshape(values, [...from, 1]), rows), [axis], false)
  const back = range(rank - 1)
  const placed = g.transpose(spread, [...back.slice(0, axis), rank - 1, ...back.slice(axis)])
  const missing = to.map((dim, i) => (i === axis ? 0 : dim - from[i]!))
  return missing.some((count) => count > 0) ? g.pad(placed, [...to.map(() => 0), ...missing]) : placed
}

const gatherElements: Rule = (c) => {
  const [x, positions] = c.node.inputs as [string, string]
  const to = c.shape(x)
  const axis = positiveAxis(c.integer('axis', 0), to.length)
  return [c.wants(0) ? scatterAdd(c, c.dy, positions, c.shape(positions), to, axis) : undefined]
}

/** Only the largest (or smallest) values were passed on. */
const topK: Rule = (c) => {
  const values = c.outputGradients[0]
  if (values === undefined) return []
  const to = c.shape(c.node.inputs[0]!)
  const axis = positiveAxis(c.integer('axis', -1), to.length)
  return [scatterAdd(c, values, c.forwardOutput(1), c.outputShape, to, axis)]
}

/** Writes replace what was there, or are added to it. */
function isAdding(c: RuleContext): boolean {
  const reduction = c.text('reduction', 'none')
  if (reduction === 'none' || reduction === 'add') return reduction === 'add'
  throw c.unsupported(`${c.node.op} with the reduction ${reduction}`)
}

const scatterElements: Rule = (c) => {
  const { g } = c
  const positions = c.node.inputs[1]!
  const axis = positiveAxis(c.integer('axis', 0), c.outputShape.length)
  const adding = isAdding(c)
  const kept = () => g.node('ScatterElements', [c.dy, positions, zeros(g, c.shape(positions))], { axis })
  return [
    c.wants(0) ? (adding ? c.dy : kept()) : undefined,
    undefined,
    c.wants(2) ? g.node('GatherElements', [c.dy, positions], { axis }) : undefined,
  ]
}

const scatterND: Rule = (c) => {
  const { g } = c
  const [, positions, updates] = c.node.inputs as [string, string, string]
  const adding = isAdding(c)
  const kept = () => g.node('ScatterND', [c.dy, positions, zeros(g, c.shape(updates))])
  return [
    c.wants(0) ? (adding ? c.dy : kept()) : undefined,
    undefined,
    c.wants(2) ? g.node('GatherND', [c.dy, positions]) : undefined,
  ]
}

/** As a gather of rows: the positions of several axes as one. */
const gatherND: Rule = (c) => {
  const { g } = c
  if (c.integer('batch_dims', 0) !== 0) throw c.unsupported('GatherND within a batch')
  const [x, positions] = c.node.inputs as [string, string]
  const shape = c.shape(x)
  const positionShape = c.shape(positions)
  const depth = positionShape.at(-1)!
  const places = shape.slice(0, depth)
  const count = sizeOf(positionShape.slice(0, -1))
  const row = linear(g, positions, places)
  const size = sizeOf(places)
  const flat = g.reshape(c.dy, [count, sizeOf(shape.slice(depth))])
  return [g.reshape(g.matMul(oneHot(g, row, count, size), flat), shape)]
}

/** Positions `[..., depth]` in the first axes as positions in all of them laid end to end; negative ones count from the end. */
function linear(g: GraphBuilder, positions: string, places: readonly number[]): string {
  const strides = places.map((_, i) => sizeOf(places.slice(i + 1)))
  const upwards = g.where(g.less(positions, g.integers(0)), g.add(positions, g.integers(places)), positions)
  return g.reduceSum(g.mul(upwards, g.integers(strides)), [-1], false)
}

/** Running sums from the other side. */
const cumSum: Rule = (c) => {
  const reverse = c.integer('reverse', 0) === 1 ? 0 : 1
  const exclusive = c.integer('exclusive', 0)
  return [c.g.node('CumSum', [c.dy, c.node.inputs[1]!], { exclusive, reverse })]
}

export const indexingRules: Readonly<Record<string, Rule>> = {
  GatherElements: gatherElements,
  GatherND: gatherND,
  ScatterElements: scatterElements,
  ScatterND: scatterND,
  TopK: topK,
  CumSum: cumSum,
}

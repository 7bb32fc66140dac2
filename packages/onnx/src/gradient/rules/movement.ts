import type { GraphBuilder } from '../../builder/create-graph-builder.js'
import { float32, sizeOf } from '../../model/tensor.js'
import { positiveAxis, type Rule, type RuleContext, range, reduceTo } from '../rule.js'
import { turned } from './matrix.js'

/** Operators that only say the shape anew. */
const reshape: Rule = (c) => [c.g.reshape(c.dy, c.shape(c.node.inputs[0]!))]

const transpose: Rule = (c) => {
  const rank = c.outputShape.length
  const perm = c.integers('perm') ?? range(rank).reverse()
  const inverse = range(rank).map((axis) => perm.indexOf(axis))
  return [c.g.transpose(c.dy, inverse)]
}

const expand: Rule = (c) => [reduceTo(c.g, c.dy, c.outputShape, c.shape(c.node.inputs[0]!))]

const concat: Rule = (c) => {
  const axis = positiveAxis(c.integer('axis', 0), c.outputShape.length)
  let start = 0
  return c.node.inputs.map((input, i) => {
    const end = start + c.shape(input)[axis]!
    const part = c.wants(i) ? c.g.slice(c.dy, [start], [end], [axis]) : undefined
    start = end
    return part
  })
}

const split: Rule = (c) => {
  const axis = positiveAxis(c.integer('axis', 0), c.shape(c.node.inputs[0]!).length)
  const parts = c.node.outputs.map((output, i) => c.outputGradients[i] ?? zeros(c.g, c.shape(output)))
  return [c.g.concat(parts, axis)]
}

const slice: Rule = (c) => {
  const { g } = c
  const shape = c.shape(c.node.inputs[0]!)
  const [starts, axes, steps] = [
    c.numbers(1),
    c.node.inputs[3] ? c.numbers(3) : undefined,
    c.node.inputs[4] ? c.numbers(4) : undefined,
  ]
  let gradient = c.dy
  let current = [...c.outputShape]
  const pads = noPads(shape.length)
  starts.forEach((given, i) => {
    const axis = positiveAxis(axes?.[i] ?? i, shape.length)
    const size = shape[axis]!
    const step = steps?.[i] ?? 1
    const count = c.outputShape[axis]!
    // The first element that the slice took, as ONNX clamps it.
    let start = Math.min(Math.max(given < 0 ? given + size : given, 0), step > 0 ? size : size - 1)
    if (step < 0) {
      gradient = g.slice(gradient, [-1], [-(2 ** 31)], [axis], [-1])
      start += step * (count - 1)
    }
    const stride = Math.abs(step)
    if (stride > 1 && count > 1) {
      ;[gradient, current] = spread(g, gradient, current, axis, stride)
    }
    pads[axis] = start
    pads[shape.length + axis] = size - start - current[axis]!
  })
  if (pads.every((pad) => pad === 0)) return [gradient]
  return [g.pad(gradient, pads)]
}

/** Zeros for the begins and ends of all axes. */
function noPads(rank: number): number[] {
  return Array.from({ length: 2 * rank }, () => 0)
}

/** Puts `stride - 1` zeros between neighbours along one axis. */
function spread(
  g: GraphBuilder,
  x: string,
  shape: readonly number[],
  axis: number,
  stride: number,
): [string, number[]] {
  const [before, after] = [shape.slice(0, axis), shape.slice(axis + 1)]
  const count = shape[axis]!
  const apart = g.reshape(x, [...before, count, 1, ...after])
  const pads = noPads(shape.length + 1)
  pads[shape.length + 1 + axis + 1] = stride - 1
  const filled = g.reshape(g.pad(apart, pads), [...before, count * stride, ...after])
  const length = (count - 1) * stride + 1
  return [g.slice(filled, [0], [length], [axis]), [...before, length, ...after]]
}

const gather: Rule = (c) => {
  const { g } = c
  const [x, positions] = c.node.inputs as [string, string]
  const shape = c.shape(x)
  const axis = positiveAxis(c.integer('axis', 0), shape.length)
  const size = shape[axis]!
  const positionShape = c.shape(positions)
  const known = c.constant(1)
  const before = shape.slice(0, axis)
  const after = shape.slice(axis + 1)
  const count = sizeOf(positionShape)
  const rows = g.reshape(c.dy, [...before, count, ...after])
  if (known && count === 1) {
    const at = positiveAxis(Number(known.data[0]), size)
    const pads = noPads(shape.length)
    pads[axis] = at
    pads[shape.length + axis] = size - 1 - at
    return [g.pad(rows, pads)]
  }
  // Each row of the gradient goes where it came from, and rows from the same place add up: a product with a matrix of zeros and ones.
  const flat = g.reshape(rows, [sizeOf(before), count, sizeOf(after)])
  const places = known
    ? g.constant(placement(Array.from(known.data as ArrayLike<bigint | number>, Number), size))
    : oneHot(g, positions, count, size)
  return [g.reshape(g.matMul(places, flat), shape)]
}

/** `[size, positions]`: 1 where a position names a row. */
function placement(positions: readonly number[], size: number) {
  const matrix = new Float32Array(size * positions.length)
  positions.forEach((position, i) => {
    matrix[positiveAxis(position, size) * positions.length + i] = 1
  })
  return float32(matrix, [size, positions.length])
}

export function oneHot(g: GraphBuilder, positions: string, count: number, size: number): string {
  return g.node('OneHot', [g.reshape(positions, [count]), g.integers([size]), g.floats([0, 1])], { axis: 0 })
}

const pad: Rule = (c) => {
  const { g } = c
  const shape = c.shape(c.node.inputs[0]!)
  const mode = c.text('mode', 'constant')
  const given = c.numbers(1)
  const axes = c.node.inputs[3] ? c.numbers(3).map((axis) => positiveAxis(axis, shape.length)) : range(shape.length)
  let gradient = c.dy
  axes.forEach((axis, i) => {
    const [before, after] = [given[i]!, given[axes.length + i]!]
    if (before === 0 && after === 0) return
    if (mode === 'constant') {
      gradient = unpad(g, gradient, shape, axis, before, after)
      return
    }
    if (before < 0 || after < 0) throw c.unsupported(`Pad in mode ${mode} with negative pads`)
    const moved = g.constant(padding(shape[axis]!, before, after, mode, c))
    gradient = alongAxis(g, gradient, axis, shape.length, moved)
  })
  return [gradient]
}

/** Cuts what was added; puts zeros where a negative pad had cut. */
function unpad(
  g: GraphBuilder,
  x: string,
  shape: readonly number[],
  axis: number,
  before: number,
  after: number,
): string {
  const start = Math.max(0, before)
  const kept = g.slice(x, [start], [start + shape[axis]! + Math.min(0, before) + Math.min(0, after)], [axis])
  if (before >= 0 && after >= 0) return kept
  const pads = noPads(shape.length)
  pads[axis] = Math.max(0, -before)
  pads[shape.length + axis] = Math.max(0, -after)
  return g.pad(kept, pads)
}

/** `[size, padded]`: which element each padded element repeats. */
function padding(size: number, before: number, after: number, mode: string, c: RuleContext) {
  const source = (i: number) => {
    if (mode === 'edge') return Math.min(Math.max(i, 0), size - 1)
    if (mode === 'wrap') return ((i % size) + size) % size
    if (mode !== 'reflect') throw c.unsupported(`Pad in mode ${mode}`)
    const period = Math.max(1, 2 * (size - 1))
    const folded = ((i % period) + period) % period
    return folded < size ? folded : period - folded
  }
  return placement(
    range(size + before + after).map((i) => source(i - before)),
    size,
  )
}

/** Multiplies `matrix` `[to, from]` onto one axis. */
export function alongAxis(g: GraphBuilder, x: string, axis: number, rank: number, matrix: string): string {
  if (axis === rank - 1) return g.matMul(x, turned(g, matrix, 2))
  if (axis === rank - 2) return g.matMul(matrix, x)
  const perm = range(rank)
  perm[axis] = rank - 1
  perm[rank - 1] = axis
  return g.transpose(g.matMul(g.transpose(x, perm), turned(g, matrix, 2)), perm)
}

const tile: Rule = (c) => {
  const shape = c.shape(c.node.inputs[0]!)
  const repeats = c.numbers(1)
  const split = c.g.reshape(
    c.dy,
    shape.flatMap((dim, axis) => [repeats[axis]!, dim]),
  )
  return [
    c.g.reduceSum(
      split,
      range(shape.length).map((axis) => 2 * axis),
      false,
    ),
  ]
}

const depthToSpace: Rule = (c) => {
  const { g } = c
  const [n, channels, height, width] = c.shape(c.node.inputs[0]!) as [number, number, number, number]
  const block = c.integer('blocksize', 1)
  const depth = channels / block ** 2
  const columnsFirst = c.text('mode', 'DCR') === 'CRD'
  const apart = g.reshape(c.dy, [n, depth, height, block, width, block])
  return [
    g.reshape(g.transpose(apart, columnsFirst ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4]), [n, channels, height, width]),
  ]
}

const spaceToDepth: Rule = (c) => [
  c.g.node('DepthToSpace', [c.dy], { blocksize: c.integer('blocksize', 1), mode: 'DCR' }),
]

export function zeros(g: GraphBuilder, shape: readonly number[]): string {
  return g.expand(g.floats(0), shape)
}

/** In inference dropout passes everything on. */
const dropout: Rule = (c) => {
  const training = c.node.inputs[2]
  if (training && c.constant(2)?.data[0] !== 0) throw c.unsupported('a Dropout that is in training mode')
  return [c.dy]
}

export const movementRules: Readonly<Record<string, Rule>> = {
  Identity: (c) => [c.dy],
  Dropout: dropout,
  Cast: (c) => [c.dy],
  Reshape: reshape,
  Flatten: reshape,
  Squeeze: reshape,
  Unsqueeze: reshape,
  Transpose: transpose,
  Expand: expand,
  Concat: concat,
  Split: split,
  Slice: slice,
  Gather: gather,
  Pad: pad,
  Tile: tile,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
}

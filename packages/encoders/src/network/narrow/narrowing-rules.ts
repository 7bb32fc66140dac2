import type { Graph, Node, Tensor } from '@lookalike/onnx'

/** A part of a tensor: positions `start` to `end` (exclusive) along `axis`. */
export interface Range {
  readonly axis: number
  readonly start: number
  readonly end: number
}

export interface RuleContext {
  readonly graph: Graph
  readonly shapes: ReadonlyMap<string, readonly number[]>
  /** Images in the run that the shapes were read from. */
  readonly images: number
}

/** What a node reads when only a part of its output is wanted. */
export interface Narrowing {
  /** For each input the part that is read, or `whole`. */
  readonly inputs: readonly (Range | 'whole')[]
  /** The new target shape of a Reshape. */
  readonly target?: readonly number[] | undefined
}

type Rule = (node: Node, range: Range, context: RuleContext) => Narrowing | undefined

/** How a part of the node's output comes from parts of its inputs; undefined where it does not, or where it is not known. */
export function narrow(node: Node, range: Range, context: RuleContext): Narrowing | undefined {
  return node.domain === '' && node.outputs.filter(Boolean).length === 1
    ? RULES[node.op]?.(node, range, context)
    : undefined
}

const shapeOf = (name: string, { shapes }: RuleContext) => shapes.get(name)

const sameEverywhere: Rule = ({ inputs }, range) => ({ inputs: inputs.map((_, i) => (i === 0 ? range : 'whole')) })

const broadcasting: Rule = ({ inputs, outputs }, range, context) => {
  const out = shapeOf(outputs[0]!, context)
  const parts = inputs.map((input) => {
    const shape = shapeOf(input, context)
    if (!shape || !out) return undefined
    const axis = range.axis - (out.length - shape.length)
    return axis < 0 || (shape[axis] === 1 && out[range.axis] !== 1) ? ('whole' as const) : { ...range, axis }
  })
  return parts.every((part) => part !== undefined) ? { inputs: parts } : undefined
}

/** Operators that work along the last axis, or from one axis to the last. */
const alongLast: Rule = (node, range, context) => {
  const shape = shapeOf(node.inputs[0]!, context)
  if (!shape) return undefined
  const first = integer(node, 'axis', -1)
  return range.axis < (first < 0 ? first + shape.length : first)
    ? { inputs: node.inputs.map((_, i) => (i === 0 ? range : 'whole')) }
    : undefined
}

const softmax: Rule = (node, range, context) => {
  const rank = shapeOf(node.inputs[0]!, context)?.length
  const axis = integer(node, 'axis', -1)
  return rank !== undefined && (axis === -1 || axis === rank - 1) && range.axis < rank - 1
    ? { inputs: [range] }
    : undefined
}

const reduction: Rule = (node, range, context) => {
  const rank = shapeOf(node.inputs[0]!, context)?.length
  const axes =
    node.attributes['axes']?.kind === 'ints' ? node.attributes['axes'].value : constant(node.inputs[1], context)
  if (rank === undefined || !axes || axes.length === 0 || integer(node, 'keepdims', 1) !== 1) return undefined
  return axes.some((axis) => (axis < 0 ? axis + rank : axis) === range.axis)
    ? undefined
    : { inputs: node.inputs.map((_, i) => (i === 0 ? range : 'whole')) }
}

const matMul: Rule = ({ inputs, outputs }, range, context) => {
  const out = shapeOf(outputs[0]!, context)
  const left = shapeOf(inputs[0]!, context)
  const right = shapeOf(inputs[1]!, context)
  if (!out || !left || !right || left.length < 2 || right.length < 2 || range.axis !== out.length - 2) return undefined
  return { inputs: [{ ...range, axis: left.length - 2 }, 'whole'] }
}

const transpose: Rule = (node, range) => {
  const perm = node.attributes['perm']
  return perm?.kind === 'ints' ? { inputs: [{ ...range, axis: perm.value[range.axis]! }] } : undefined
}

const reshape: Rule = ({ inputs, outputs }, range, { shapes, images }) => {
  const from = shapes.get(inputs[0]!)
  const to = shapes.get(outputs[0]!)
  // Only what keeps the images apart: their number is not known beforehand.
  if (!from || !to || from[0] !== images || to[0] !== images || range.axis === 0) return undefined
  const before = product(to.slice(0, range.axis))
  const axis = from.findIndex((size, i) => size === to[range.axis] && product(from.slice(0, i)) === before)
  if (axis < 1) return undefined
  return {
    inputs: [{ ...range, axis }, 'whole'],
    // A zero copies the number of images.
    target: to.map((size, i) => (i === 0 ? 0 : i === range.axis ? range.end - range.start : size)),
  }
}

const RULES: Readonly<Record<string, Rule>> = {
  ...Object.fromEntries(
    [
      'Abs',
      'Cast',
      'Clip',
      'Elu',
      'Erf',
      'Exp',
      'Gelu',
      'HardSigmoid',
      'HardSwish',
      'Identity',
      'LeakyRelu',
      'Log',
      'Neg',
      'Reciprocal',
      'Relu',
      'Sigmoid',
      'Sqrt',
      'Tanh',
    ].map((op) => [op, sameEverywhere]),
  ),
  ...Object.fromEntries(['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Where'].map((op) => [op, broadcasting])),
  LayerNormalization: alongLast,
  Softmax: softmax,
  ReduceMean: reduction,
  ReduceSum: reduction,
  MatMul: matMul,
  Transpose: transpose,
  Reshape: reshape,
}

const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1)

function integer(node: Node, name: string, otherwise: number): number {
  const attribute = node.attributes[name]
  return attribute?.kind === 'int' ? attribute.value : otherwise
}

/** An initializer, or the result of a Constant node. */
export function constantTensor(name: string | undefined, { graph }: Pick<RuleContext, 'graph'>): Tensor | undefined {
  if (!name) return undefined
  const value = graph.nodes.find(({ op, outputs }) => op === 'Constant' && outputs[0] === name)?.attributes['value']
  return graph.initializers.get(name) ?? (value?.kind === 'tensor' ? value.value : undefined)
}

/** The values of an integer constant. */
export function constant(name: string | undefined, context: Pick<RuleContext, 'graph'>): readonly number[] | undefined {
  const tensor = constantTensor(name, context)
  return tensor && (tensor.type === 'int64' || tensor.type === 'int32')
    ? Array.from(tensor.data as BigInt64Array | Int32Array, Number)
    : undefined
}

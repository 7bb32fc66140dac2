import { elementTypeNumber } from '../model/element-types.js'
import type { TensorType } from '../model/tensor.js'
import type { AttributeValues, NodeBuilder, NodeOptions } from './node-builder.js'

export interface ConvolutionOptions {
  readonly strides?: readonly number[] | undefined
  /** `[top, left, bottom, right]`. */
  readonly pads?: readonly number[] | undefined
  readonly dilations?: readonly number[] | undefined
  readonly group?: number | undefined
}

export interface PoolOptions {
  readonly kernel: readonly number[]
  readonly strides?: readonly number[] | undefined
  /** `[top, left, bottom, right]`. */
  readonly pads?: readonly number[] | undefined
}

export interface GemmOptions {
  readonly alpha?: number | undefined
  readonly beta?: number | undefined
  readonly transA?: boolean | undefined
  readonly transB?: boolean | undefined
}

type Unary = (x: string, options?: NodeOptions) => string
type Binary = (a: string, b: string, options?: NodeOptions) => string
type Reduce = (x: string, axes: readonly number[], keepdims?: boolean) => string

/** ONNX's operators as methods, the same for every opset from 7 on: where an operator is newer, it is written out. */
export interface Operators {
  readonly add: Binary
  readonly sub: Binary
  readonly mul: Binary
  readonly div: Binary
  readonly pow: Binary
  readonly matMul: Binary
  readonly max: Binary
  readonly min: Binary
  readonly equal: Binary
  readonly less: Binary
  readonly greater: Binary
  readonly neg: Unary
  readonly abs: Unary
  readonly sign: Unary
  readonly sqrt: Unary
  readonly exp: Unary
  readonly log: Unary
  readonly erf: Unary
  readonly tanh: Unary
  readonly sigmoid: Unary
  readonly relu: Unary
  readonly reciprocal: Unary
  readonly identity: Unary
  readonly not: Unary
  readonly shape: Unary
  /** The exact GELU, `x * (1 + erf(x / sqrt 2)) / 2`. */
  readonly gelu: Unary
  readonly globalAveragePool: Unary
  readonly where: (condition: string, yes: string, no: string) => string
  readonly cast: (x: string, type: TensorType) => string
  readonly clip: (x: string, low: number, high: number) => string
  readonly softmax: (x: string, axis?: number) => string
  /** Over the last axis. */
  readonly layerNorm: (x: string, scale: string, bias: string, epsilon?: number) => string
  /** L2, over one axis; rows of zeros stay zero. */
  readonly l2Normalise: (x: string, axis?: number) => string
  readonly gemm: (a: string, b: string, c?: string, options?: GemmOptions) => string
  readonly conv: (x: string, weight: string, bias?: string, options?: ConvolutionOptions) => string
  readonly maxPool: (x: string, options: PoolOptions) => string
  readonly averagePool: (x: string, options: PoolOptions) => string
  /** 0 keeps the input's dimension, -1 is what remains. */
  readonly reshape: (x: string, shape: readonly number[] | string) => string
  readonly flatten: (x: string, axis?: number) => string
  readonly transpose: (x: string, perm: readonly number[]) => string
  readonly concat: (parts: readonly string[], axis: number) => string
  readonly split: (x: string, sizes: readonly number[], axis: number) => string[]
  readonly slice: (
    x: string,
    starts: readonly number[],
    ends: readonly number[],
    axes: readonly number[],
    steps?: readonly number[],
  ) => string
  readonly gather: (x: string, positions: string, axis?: number) => string
  readonly expand: (x: string, shape: readonly number[] | string) => string
  readonly pad: (x: string, pads: readonly number[], value?: number) => string
  readonly squeeze: (x: string, axes: readonly number[]) => string
  readonly unsqueeze: (x: string, axes: readonly number[]) => string
  readonly reduceSum: Reduce
  readonly reduceMean: Reduce
  readonly reduceMax: Reduce
  readonly reduceL2: Reduce
}

/** `INT64_MAX`'s nearest number: to the end of an axis. */
export const TO_END = 2 ** 31 - 1

export function createOperators(g: NodeBuilder): Operators {
  return { ...pointwise(g), ...layers(g), ...movements(g), ...reductions(g) }
}

const unaryOf =
  (g: NodeBuilder) =>
  (op: string): Unary =>
  (x, options) =>
    g.node(op, [x], {}, options)

const binaryOf =
  (g: NodeBuilder) =>
  (op: string): Binary =>
  (a, b, options) =>
    g.node(op, [a, b], {}, options)

/** An operator whose axes moved from an attribute to an input, in a different opset for each. */
function withAxes(
  g: NodeBuilder,
  op: string,
  inputSince: number,
  x: string,
  axes: readonly number[],
  attributes: AttributeValues = {},
): string {
  return g.opset >= inputSince
    ? g.node(op, [x, g.integers(axes)], attributes)
    : g.node(op, [x], { axes, ...attributes })
}

function pointwise(g: NodeBuilder) {
  const [unary, binary] = [unaryOf(g), binaryOf(g)]
  const add = binary('Add')
  const sub = binary('Sub')
  const mul = binary('Mul')
  const div = binary('Div')
  const erf = unary('Erf')
  const relu = unary('Relu')
  // Before opset 8 both sides must have the same shape.
  const [max, min]: Binary[] =
    g.opset >= 8
      ? [binary('Max'), binary('Min')]
      : [(a, b, options) => add(a, relu(sub(b, a)), options), (a, b, options) => sub(a, relu(sub(a, b)), options)]
  return {
    add,
    sub,
    mul,
    div,
    pow: binary('Pow'),
    max: max!,
    min: min!,
    equal: binary('Equal'),
    less: binary('Less'),
    greater: binary('Greater'),
    neg: unary('Neg'),
    abs: unary('Abs'),
    sign: unary('Sign'),
    sqrt: unary('Sqrt'),
    exp: unary('Exp'),
    log: unary('Log'),
    erf,
    tanh: unary('Tanh'),
    sigmoid: unary('Sigmoid'),
    relu,
    reciprocal: unary('Reciprocal'),
    identity: unary('Identity'),
    not: unary('Not'),
    gelu: (x, options) =>
      g.opset >= 20
        ? g.node('Gelu', [x], {}, options)
        : mul(mul(x, add(erf(div(x, g.floats(Math.SQRT2))), g.floats(1))), g.floats(0.5), options),
    where: (condition, yes, no) => g.node('Where', [condition, yes, no]),
    cast: (x, type) => g.node('Cast', [x], { to: elementTypeNumber(type) }),
    clip: (x, low, high) =>
      g.opset >= 11 ? g.node('Clip', [x, g.floats(low), g.floats(high)]) : g.node('Clip', [x], { min: low, max: high }),
  } satisfies Partial<Operators>
}

function layers(g: NodeBuilder) {
  const { add, mul, div, sub, sqrt, max } = pointwise(g)
  const { reduceMean, reduceL2 } = reductions(g)
  const pool =
    (op: string) =>
    (x: string, { kernel, strides, pads }: PoolOptions) =>
      g.node(op, [x], { kernel_shape: kernel, strides: strides ?? kernel.map(() => 1), pads })
  return {
    matMul: binaryOf(g)('MatMul'),
    globalAveragePool: unaryOf(g)('GlobalAveragePool'),
    softmax: (x, axis = -1) => {
      if (g.opset < 13 && axis !== -1) throw new RangeError('Before opset 13 Softmax is only built over the last axis.')
      return g.node('Softmax', [x], { axis })
    },
    layerNorm: (x, scale, bias, epsilon = 1e-5) => {
      if (g.opset >= 17) return g.node('LayerNormalization', [x, scale, bias], { axis: -1, epsilon })
      const centred = sub(x, reduceMean(x, [-1]))
      const deviation = sqrt(add(reduceMean(mul(centred, centred), [-1]), g.floats(epsilon)))
      return add(mul(div(centred, deviation), scale), bias)
    },
    l2Normalise: (x, axis = -1) => div(x, max(reduceL2(x, [axis]), g.floats(1e-12))),
    gemm: (a, b, c, options = {}) =>
      g.node('Gemm', c !== undefined ? [a, b, c] : g.opset >= 11 ? [a, b] : [a, b, g.floats(0)], { ...options }),
    conv: (x, weight, bias, options = {}) =>
      g.node('Conv', bias === undefined ? [x, weight] : [x, weight, bias], { ...options }),
    maxPool: pool('MaxPool'),
    averagePool: pool('AveragePool'),
  } satisfies Partial<Operators>
}

function movements(g: NodeBuilder) {
  const shapeOf = (shape: readonly number[] | string) => (typeof shape === 'string' ? shape : g.integers(shape))
  return {
    shape: unaryOf(g)('Shape'),
    reshape: (x, shape) => g.node('Reshape', [x, shapeOf(shape)]),
    flatten: (x, axis = 1) => g.node('Flatten', [x], { axis }),
    transpose: (x, perm) => g.node('Transpose', [x], { perm }),
    concat: (parts, axis) => g.node('Concat', parts, { axis }),
    split: (x, sizes, axis) =>
      g.opset >= 13
        ? g.nodes('Split', [x, g.integers(sizes)], sizes.length, { axis })
        : g.nodes('Split', [x], sizes.length, { axis, split: sizes }),
    slice: (x, starts, ends, axes, steps) => {
      if (g.opset < 10) {
        if (steps) throw new RangeError('Before opset 10 Slice has no steps.')
        return g.node('Slice', [x], { starts, ends, axes })
      }
      const inputs = [starts, ends, axes, ...(steps ? [steps] : [])]
      return g.node('Slice', [x, ...inputs.map((input) => g.integers(input))])
    },
    gather: (x, positions, axis = 0) => g.node('Gather', [x, positions], { axis }),
    expand: (x, shape) => g.node('Expand', [x, shapeOf(shape)]),
    pad: (x, pads, value) => {
      if (g.opset < 11) return g.node('Pad', [x], { pads, value: { kind: 'float', value: value ?? 0 } })
      return g.node('Pad', value === undefined ? [x, g.integers(pads)] : [x, g.integers(pads), g.floats(value)])
    },
    squeeze: (x, axes) => withAxes(g, 'Squeeze', 13, x, axes),
    unsqueeze: (x, axes) => withAxes(g, 'Unsqueeze', 13, x, axes),
  } satisfies Partial<Operators>
}

function reductions(g: NodeBuilder) {
  const reduce =
    (op: string, inputSince: number): Reduce =>
    (x, axes, keepdims = true) =>
      withAxes(g, op, inputSince, x, axes, { keepdims })
  return {
    reduceSum: reduce('ReduceSum', 13),
    reduceMean: reduce('ReduceMean', 18),
    reduceMax: reduce('ReduceMax', 18),
    reduceL2: reduce('ReduceL2', 18),
  } satisfies Partial<Operators>
}

import { createRandom } from '@lookalike/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createGraphBuilder, type GraphBuilder } from '../../builder/create-graph-builder.js'
import { checkGradients } from '../../check/check-gradients.js'
import { float32, int64, sizeOf, type TensorOf } from '../../model/tensor.js'
import { rules } from './index.js'

/** Finite differences in float32 are good to about this. */
const TOLERANCE = 3e-3

interface RuleCase {
  readonly op: string
  readonly note?: string
  readonly opset?: number
  /** Shapes of x, and of the further inputs y, z. */
  readonly shapes: readonly (readonly number[])[]
  /** Values lie at least this far from 0, where the operator has a kink there. */
  readonly away?: number
  readonly positive?: boolean
  readonly values?: (random: () => number, i: number) => number
  readonly build: (g: GraphBuilder, x: string, y: string, z: string) => string | readonly string[]
}

const tested = new Set<string>()

async function worstError(c: RuleCase): Promise<number> {
  const random = createRandom(`${c.op} ${c.note ?? ''}`)
  const g = createGraphBuilder({ opset: c.opset ?? 17 })
  const names = ['x', 'y', 'z']
  const example: Record<string, TensorOf<'float32'>> = {}
  const fill = (i: number) => {
    if (c.values) return c.values(() => random.next(), i)
    const value = random.normal()
    const apart = Math.sign(value) * (c.away ?? 0) + value
    return c.positive ? Math.abs(apart) + 0.3 : apart
  }
  // The first input is a weight behind a Constant-free path, the others are inputs: both kinds of gradient are checked.
  c.shapes.forEach((shape, i) => {
    const tensor = float32(
      Float32Array.from({ length: sizeOf(shape) }, (_, j) => fill(j)),
      shape,
    )
    if (i === 0) g.initializer('x', tensor)
    else {
      g.input(names[i]!, 'float32', shape)
      example[names[i]!] = tensor
    }
  })
  // A model needs an input.
  if (c.shapes.length === 1) {
    g.input('one', 'float32', [1])
    example['one'] = float32([1])
  }
  const results = [c.build(g, 'x', 'y', 'z')].flat() as string[]
  const first = c.shapes.length === 1 ? g.mul(results[0]!, 'one') : results[0]!
  ;[first, ...results.slice(1)].forEach((result, i) => g.output(result, `out${i}`))
  const model = g.build()
  for (const node of model.graph.nodes) tested.add(node.op)
  const { tensors } = await checkGradients(model, { example, trainable: ['x'] })
  return tensors[0]!.error
}

const unary = (
  op: string,
  extra: Partial<RuleCase> & { attributes?: Record<string, number | string>; domain?: string } = {},
): RuleCase => ({
  op,
  shapes: [[3, 5]],
  build: (g, x) => g.node(op, [x], extra.attributes ?? {}, extra.domain ? { domain: extra.domain } : {}),
  ...extra,
})
const binary = (op: string, shapes: readonly (readonly number[])[], extra: Partial<RuleCase> = {}): RuleCase => ({
  op,
  note: JSON.stringify(shapes),
  shapes,
  build: (g, x, y) => g.node(op, [x, y]),
  ...extra,
})
const spread = (_: () => number, i: number) => ((i * 7919) % 101) / 25 - 2

const cases: RuleCase[] = [
  ...['Add', 'Sub', 'Mul'].flatMap((op) => [
    binary(op, [
      [2, 3],
      [2, 3],
    ]),
    binary(op, [[3], [2, 4, 3]]),
    binary(op, [
      [2, 1, 3],
      [4, 1],
    ]),
  ]),
  binary(
    'Div',
    [
      [2, 3],
      [4, 2, 1],
    ],
    { away: 0.5 },
  ),
  binary('Pow', [[2, 3], [3]], { positive: true }),
  ...[2, 3, 0.5, -1].map(
    (power): RuleCase => ({
      op: 'Pow',
      note: String(power),
      shapes: [[6]],
      positive: true,
      build: (g, x) => g.pow(x, g.floats(power)),
    }),
  ),
  ...['Max', 'Min'].map(
    (op): RuleCase => ({ op, shapes: [[2, 3], [3], [2, 1]], build: (g, x, y, z) => g.node(op, [x, y, z]) }),
  ),
  { op: 'Sum', shapes: [[2, 3], [3], [2, 1]], build: (g, x, y, z) => g.node('Sum', [x, y, z]) },
  { op: 'Mean', shapes: [[2, 3], [3], [2, 1]], build: (g, x, y, z) => g.node('Mean', [x, y, z]) },
  {
    op: 'Where',
    shapes: [[4, 3], [3]],
    build: (g, x, y) => g.where(g.constant({ type: 'bool', shape: [4, 1], data: Uint8Array.of(1, 0, 0, 1) }), x, y),
  },

  unary('Neg'),
  unary('Abs', { away: 0.3 }),
  unary('Sqrt', { positive: true }),
  unary('Exp'),
  unary('Log', { positive: true }),
  unary('Reciprocal', { away: 0.5 }),
  unary('Sin'),
  unary('Cos'),
  unary('Erf'),
  unary('Tanh'),
  unary('Sigmoid'),
  unary('Softplus'),
  unary('Relu', { away: 0.3 }),
  unary('LeakyRelu', { away: 0.3, attributes: { alpha: 0.2 } }),
  unary('Elu', { away: 0.3, attributes: { alpha: 1.3 } }),
  unary('Selu', { away: 0.3 }),
  unary('HardSigmoid', { values: (_, i) => i * 0.81 - 5.9, attributes: { alpha: 0.25 } }),
  unary('HardSwish', { values: (_, i) => i * 0.67 - 4.3 }),
  unary('Gelu', { opset: 20 }),
  unary('Gelu', { opset: 20, note: 'tanh', attributes: { approximate: 'tanh' } }),
  unary('Gelu', { note: 'runtime', domain: 'com.microsoft' }),
  unary('FastGelu', { domain: 'com.microsoft' }),
  unary('QuickGelu', { domain: 'com.microsoft', attributes: { alpha: 1.7 } }),
  { op: 'Clip', shapes: [[12]], values: (_, i) => i * 0.37 - 2.1, build: (g, x) => g.clip(x, -1, 1.3) },
  {
    op: 'Clip',
    note: 'one bound',
    shapes: [[12]],
    values: (_, i) => i * 0.37 - 2.1,
    build: (g, x) => g.node('Clip', [x, '', g.floats(0.9)]),
  },
  {
    op: 'PRelu',
    shapes: [
      [3, 1],
      [2, 3, 4],
    ],
    away: 0.3,
    build: (g, x, y) => g.node('PRelu', [y, x]),
  },

  binary('MatMul', [
    [3, 4],
    [4, 2],
  ]),
  binary('MatMul', [
    [2, 5, 3],
    [3, 4],
  ]),
  binary('MatMul', [
    [3, 4],
    [2, 4, 5],
  ]),
  binary('MatMul', [
    [2, 1, 3, 4],
    [5, 4, 2],
  ]),
  binary('MatMul', [[4], [4, 2]]),
  binary('MatMul', [[2, 3, 4], [4]]),
  binary('MatMul', [[4], [4]]),
  binary('MatMul', [[4], [2, 4, 3]]),
  ...[0, 1, 2, 3].map((bits): RuleCase => {
    const [transA, transB] = [(bits & 1) === 1, (bits & 2) === 2]
    return {
      op: 'Gemm',
      note: String(bits),
      shapes: [transA ? [4, 3] : [3, 4], transB ? [2, 4] : [4, 2], [2]],
      build: (g, x, y, z) => g.gemm(x, y, z, { transA, transB, alpha: 0.7, beta: 1.3 }),
    }
  }),
  {
    op: 'Gemm',
    note: 'no bias',
    shapes: [
      [3, 4],
      [4, 2],
    ],
    build: (g, x, y) => g.gemm(x, y),
  },
  ...[0, 1, 2, 3].flatMap((bits): RuleCase[] => {
    const [transA, transB] = [bits & 1, bits >> 1]
    const fused = (g: GraphBuilder, x: string, y: string) =>
      g.node('FusedMatMul', [x, y], { transA, transB, alpha: 0.5 }, { domain: 'com.microsoft' })
    return [
      {
        op: 'FusedMatMul',
        note: `${bits}`,
        shapes: [transA ? [2, 4, 3] : [2, 3, 4], transB ? [2, 5, 4] : [2, 4, 5]],
        build: fused,
      },
      {
        op: 'FusedMatMul',
        note: `${bits} flat`,
        shapes: [transA ? [2, 4, 3] : [2, 3, 4], transB ? [5, 4] : [4, 5]],
        build: fused,
      },
    ]
  }),

  unary('Identity'),
  unary('Dropout'),
  { op: 'Cast', shapes: [[3]], build: (g, x) => g.cast(x, 'float32') },
  { op: 'Reshape', shapes: [[2, 6]], build: (g, x) => g.reshape(x, [3, -1]) },
  { op: 'Flatten', shapes: [[2, 3, 2]], build: (g, x) => g.flatten(x, 2) },
  ...[12, 17].flatMap((opset): RuleCase[] => [
    { op: 'Squeeze', note: `${opset}`, opset, shapes: [[2, 1, 3]], build: (g, x) => g.squeeze(x, [1]) },
    { op: 'Unsqueeze', note: `${opset}`, opset, shapes: [[2, 3]], build: (g, x) => g.unsqueeze(x, [0, 2]) },
    { op: 'Split', note: `${opset}`, opset, shapes: [[2, 6]], build: (g, x) => g.split(x, [1, 3, 2], 1).slice(0, 2) },
    { op: 'ReduceSum', note: `${opset}`, opset, shapes: [[2, 3, 4]], build: (g, x) => g.reduceSum(x, [0, -1], false) },
    {
      op: 'Softmax',
      note: `${opset}`,
      opset,
      shapes: [[2, 3, 4]],
      build: (g, x) => g.node('Softmax', [x], { axis: 1 }),
    },
    {
      op: 'LogSoftmax',
      note: `${opset}`,
      opset,
      shapes: [[2, 3, 4]],
      build: (g, x) => g.node('LogSoftmax', [x], { axis: 1 }),
    },
  ]),
  { op: 'Transpose', shapes: [[2, 3, 4]], build: (g, x) => g.transpose(x, [2, 0, 1]) },
  { op: 'Transpose', note: 'reversed', shapes: [[2, 3, 4]], build: (g, x) => g.node('Transpose', [x]) },
  { op: 'Expand', shapes: [[3, 1]], build: (g, x) => g.expand(x, [2, 1, 4]) },
  {
    op: 'Concat',
    shapes: [
      [2, 3],
      [2, 1],
    ],
    build: (g, x, y) => g.concat([x, y, x], -1),
  },
  { op: 'Slice', shapes: [[4, 7]], build: (g, x) => g.slice(x, [1, -2], [2 ** 31, 0], [0, 1], [2, -3]) },
  { op: 'Slice', note: 'plain', shapes: [[4, 7]], build: (g, x) => g.slice(x, [1], [-2], [1]) },
  { op: 'Slice', note: 'all, backwards', shapes: [[5]], build: (g, x) => g.slice(x, [-1], [-(2 ** 31)], [0], [-1]) },
  { op: 'Gather', shapes: [[2, 5, 3]], build: (g, x) => g.gather(x, g.constant(int64([0, -1, 0, 2], [2, 2])), 1) },
  { op: 'Gather', note: 'one', shapes: [[2, 5, 3]], build: (g, x) => g.gather(x, g.integers(-2), 1) },
  {
    op: 'Gather',
    note: 'computed',
    shapes: [[5, 3]],
    build: (g, x) => g.gather(x, g.node('ArgMax', [x], { axis: 0, keepdims: 0 }), 0),
    values: spread,
  },
  { op: 'Pad', shapes: [[2, 3]], build: (g, x) => g.pad(x, [1, 0, -1, 2], 0.5) },
  ...['reflect', 'edge'].map(
    (mode): RuleCase => ({
      op: 'Pad',
      note: mode,
      shapes: [[2, 3, 4]],
      build: (g, x) => g.node('Pad', [x, g.integers([0, 2, 1, 0, 1, 3])], { mode }),
    }),
  ),
  { op: 'Tile', shapes: [[2, 3]], build: (g, x) => g.node('Tile', [x, g.integers([2, 3])]) },
  { op: 'DepthToSpace', shapes: [[2, 8, 2, 3]], build: (g, x) => g.node('DepthToSpace', [x], { blocksize: 2 }) },
  {
    op: 'DepthToSpace',
    note: 'CRD',
    shapes: [[2, 8, 2, 3]],
    build: (g, x) => g.node('DepthToSpace', [x], { blocksize: 2, mode: 'CRD' }),
  },
  { op: 'SpaceToDepth', shapes: [[2, 2, 4, 6]], build: (g, x) => g.node('SpaceToDepth', [x], { blocksize: 2 }) },

  {
    op: 'LayerNormalization',
    shapes: [[2, 3, 5], [5], [5]],
    build: (g, x, y, z) => g.node('LayerNormalization', [x, y, z], { epsilon: 1e-3 }),
  },
  {
    op: 'LayerNormalization',
    note: 'scale',
    shapes: [[5], [2, 3, 5]],
    build: (g, x, y) => g.node('LayerNormalization', [y, x]),
  },
  {
    op: 'LayerNormalization',
    note: 'two axes',
    shapes: [
      [2, 3, 4],
      [3, 4],
      [3, 4],
    ],
    build: (g, x, y, z) => g.node('LayerNormalization', [x, y, z], { axis: 1 }),
  },
  {
    op: 'LayerNormalization',
    note: 'written out',
    opset: 13,
    shapes: [[2, 3, 5]],
    build: (g, x) =>
      g.layerNorm(x, g.initializer('s', float32([1, 2, 3, 4, 5])), g.initializer('b', float32([0, 1, 0, 1, 0]))),
  },
  {
    op: 'InstanceNormalization',
    shapes: [[2, 3, 4, 2], [3], [3]],
    build: (g, x, y, z) => g.node('InstanceNormalization', [x, y, z]),
  },
  {
    op: 'GroupNormalization',
    opset: 21,
    shapes: [[2, 6, 4], [6], [6]],
    build: (g, x, y, z) => g.node('GroupNormalization', [x, y, z], { num_groups: 2 }),
  },
  {
    op: 'GroupNormalization',
    note: 'by group',
    opset: 18,
    shapes: [[2, 6, 4], [2], [2]],
    build: (g, x, y, z) => g.node('GroupNormalization', [x, y, z], { num_groups: 2 }),
  },
  {
    op: 'BatchNormalization',
    shapes: [[2, 3, 2, 2], [3], [3]],
    build: (g, x, y, z) => g.node('BatchNormalization', [x, y, z, g.floats([0.1, -0.3, 0.2]), g.floats([0.5, 1, 2])]),
  },
  { op: 'LpNormalization', shapes: [[3, 4]], build: (g, x) => g.node('LpNormalization', [x], { axis: 0 }) },
  {
    op: 'LpNormalization',
    note: 'p 1',
    shapes: [[3, 4]],
    away: 0.3,
    build: (g, x) => g.node('LpNormalization', [x], { axis: 1, p: 1 }),
  },

  ...[13, 18].flatMap((opset) =>
    [
      'ReduceMean',
      'ReduceL1',
      'ReduceL2',
      'ReduceSumSquare',
      'ReduceLogSum',
      'ReduceLogSumExp',
      'ReduceProd',
      'ReduceMax',
      'ReduceMin',
    ].map(
      (op): RuleCase => ({
        op,
        note: `${opset}`,
        opset,
        shapes: [[2, 3, 4]],
        ...(['ReduceMax', 'ReduceMin'].includes(op) ? { values: spread } : { positive: true }),
        build: (g, x) =>
          opset >= 18
            ? g.node(op, [x, g.integers([0, 2])], { keepdims: 0 })
            : g.node(op, [x], { axes: [0, 2], keepdims: 1 }),
      }),
    ),
  ),
  unary('ReduceSum', { note: 'all' }),

  { op: 'GlobalAveragePool', shapes: [[2, 3, 4, 5]], build: (g, x) => g.globalAveragePool(x) },
  { op: 'GlobalMaxPool', shapes: [[2, 3, 2, 3]], values: spread, build: (g, x) => g.node('GlobalMaxPool', [x]) },
  { op: 'AveragePool', shapes: [[2, 3, 4, 6]], build: (g, x) => g.averagePool(x, { kernel: [2, 3], strides: [2, 3] }) },
  {
    op: 'AveragePool',
    note: 'padded',
    shapes: [[2, 2, 5, 6]],
    build: (g, x) => g.averagePool(x, { kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
  },
  {
    op: 'AveragePool',
    note: 'counts pads',
    shapes: [[2, 2, 5, 6]],
    build: (g, x) =>
      g.node('AveragePool', [x], { kernel_shape: [3, 3], strides: [2, 1], pads: [1, 1, 0, 1], count_include_pad: 1 }),
  },
  {
    op: 'MaxPool',
    shapes: [[2, 2, 6, 5]],
    values: spread,
    build: (g, x) => g.maxPool(x, { kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
  },
  {
    op: 'MaxPool',
    note: 'dilated',
    shapes: [[2, 2, 6, 7]],
    values: spread,
    build: (g, x) => g.node('MaxPool', [x], { kernel_shape: [2, 2], strides: [1, 2], dilations: [2, 1] }),
  },

  ...[
    ['linear', 'half_pixel'],
    ['linear', 'align_corners'],
    ['linear', 'asymmetric'],
    ['cubic', 'half_pixel'],
    ['cubic', 'pytorch_half_pixel'],
    ['nearest', 'asymmetric'],
  ].map(
    ([mode, coordinates]): RuleCase => ({
      op: 'Resize',
      note: `${mode} ${coordinates}`,
      shapes: [[1, 2, 4, 5]],
      build: (g, x) =>
        g.node('Resize', [x, '', '', g.integers([1, 2, 7, 3])], {
          mode: mode!,
          coordinate_transformation_mode: coordinates!,
          ...(mode === 'nearest' && { nearest_mode: 'floor' }),
        }),
    }),
  ),
  {
    op: 'Resize',
    note: 'scales',
    shapes: [[1, 2, 4, 5]],
    build: (g, x) => g.node('Resize', [x, '', g.floats([1, 1, 2, 1.5])], { mode: 'linear' }),
  },
]

const convolution = (
  note: string,
  xShape: readonly number[],
  wShape: readonly number[],
  attributes: Record<string, readonly number[] | number | string>,
): RuleCase[] => [
  {
    op: 'Conv',
    note,
    shapes: [xShape, wShape, [wShape[0]!]],
    build: (g, x, w, b) => g.node('Conv', [x, w, b], attributes),
  },
]
cases.push(
  ...convolution('1x1', [2, 3, 4, 5], [4, 3, 1, 1], {}),
  ...convolution('1x1, many places', [2, 2, 13, 12], [3, 2, 1, 1], {}),
  ...convolution('1x1, many places, narrow', [2, 3, 13, 12], [2, 3, 1, 1], {}),
  ...convolution('3x3, many places', [2, 2, 24, 23], [3, 2, 3, 3], { pads: [1, 1, 1, 1] }),
  ...convolution('3x3, many places, narrow', [2, 3, 47, 46], [2, 3, 3, 3], { strides: [2, 2] }),
  ...convolution('1x1, strided', [2, 3, 5, 4], [4, 3, 1, 1], { strides: [2, 2] }),
  ...convolution('3x3', [2, 3, 5, 4], [4, 3, 3, 3], { pads: [1, 1, 1, 1] }),
  ...convolution('3x3, strided', [2, 3, 6, 5], [4, 3, 3, 3], { pads: [1, 1, 1, 1], strides: [2, 2] }),
  ...convolution('uneven pads', [2, 3, 6, 6], [4, 3, 3, 3], { pads: [0, 0, 1, 1], strides: [2, 2] }),
  ...convolution('dilated', [2, 2, 7, 8], [3, 2, 3, 2], { dilations: [2, 3], pads: [2, 0, 1, 1] }),
  ...convolution('margin', [1, 2, 8, 8], [2, 2, 3, 3], { strides: [3, 3] }),
  ...convolution('patches', [2, 3, 8, 8], [5, 3, 4, 4], { strides: [4, 4] }),
  ...convolution('groups', [2, 4, 5, 5], [6, 2, 3, 3], { group: 2, pads: [1, 1, 1, 1], strides: [2, 1] }),
  ...convolution('depthwise', [2, 4, 5, 6], [4, 1, 3, 3], { group: 4, pads: [1, 1, 1, 1] }),
  ...convolution('depthwise, strided', [2, 4, 6, 7], [4, 1, 3, 3], { group: 4, pads: [0, 0, 1, 1], strides: [2, 2] }),
  ...convolution('depthwise, dilated', [2, 3, 7, 7], [3, 1, 3, 3], { group: 3, pads: [2, 2, 2, 2], dilations: [2, 2] }),
  ...convolution('depthwise, two outputs', [2, 3, 5, 5], [6, 1, 3, 3], { group: 3 }),
  ...convolution('same', [2, 2, 5, 6], [3, 2, 2, 4], { auto_pad: 'SAME_UPPER', strides: [2, 1] }),
  ...convolution('same, lower', [2, 2, 5, 6], [3, 2, 2, 4], { auto_pad: 'SAME_LOWER' }),
  ...convolution('one axis', [2, 3, 9], [4, 3, 3], { strides: [2], pads: [1, 1] }),
)

const einsum = (equation: string, ...shapes: number[][]): RuleCase => ({
  op: 'Einsum',
  note: equation,
  shapes,
  build: (g, x, y, z) => g.node('Einsum', [x, y, z].slice(0, shapes.length), { equation }),
})
const positions = (...values: number[]) => int64(values)
const transposed = (
  note: string,
  xShape: number[],
  wShape: number[],
  outputs: number,
  attributes: Record<string, number | string | number[]>,
): RuleCase => ({
  op: 'ConvTranspose',
  note,
  shapes: [xShape, wShape, [outputs]],
  build: (g, x, w, b) => g.node('ConvTranspose', [x, w, b], attributes),
})
cases.push(
  einsum('ij,jk->ik', [2, 3], [3, 4]),
  einsum('bhid,bhjd->bhij', [2, 2, 3, 4], [2, 2, 5, 4]),
  einsum('nchw,oc->nohw', [2, 3, 2, 2], [4, 3]),
  einsum('bij,bjk,k', [2, 3, 4], [2, 4, 2], [2]),
  einsum('...d,de->...e', [2, 3, 4], [4, 5]),
  einsum('...ij,...jk->...ik', [2, 1, 3, 4], [2, 5, 4, 2]),
  einsum('ij->i', [3, 4]),
  einsum('ij,k->i', [3, 4], [2]),
  einsum('ij->', [3, 4]),
  ...[0, 1].flatMap((exclusive) =>
    [0, 1].map(
      (reverse): RuleCase => ({
        op: 'CumSum',
        note: `${exclusive} ${reverse}`,
        shapes: [[3, 4]],
        build: (g, x) => g.node('CumSum', [x, g.integers(1)], { exclusive, reverse }),
      }),
    ),
  ),
  ...[11, 17].flatMap((opset): RuleCase[] => [
    {
      op: 'GatherElements',
      note: `opset ${opset}`,
      opset,
      shapes: [[3, 4, 2]],
      build: (g, x) =>
        g.node('GatherElements', [x, g.constant(int64([0, 1, -1, 1, 3, 3, 2, 0, 1, 1, 1, 1], [2, 3, 2]))], { axis: 1 }),
    },
    {
      op: 'TopK',
      note: `opset ${opset}`,
      opset,
      shapes: [[3, 6, 2]],
      values: spread,
      build: (g, x) => g.nodes('TopK', [x, g.integers([3])], 2, { axis: 1 })[0]!,
    },
    {
      op: 'TopK',
      note: `smallest, opset ${opset}`,
      opset,
      shapes: [[4, 7]],
      values: spread,
      build: (g, x) => g.nodes('TopK', [x, g.constant(positions(2))], 2, { axis: -1, largest: 0 })[0]!,
    },
    {
      op: 'GatherND',
      note: `opset ${opset}`,
      opset: Math.max(12, opset),
      shapes: [[3, 4, 2]],
      build: (g, x) => g.node('GatherND', [x, g.constant(int64([0, 1, -1, 1, 2, 3, 2, 3], [2, 2, 2]))]),
    },
    {
      op: 'ScatterElements',
      note: `opset ${opset}`,
      opset,
      shapes: [
        [3, 4],
        [2, 2],
      ],
      build: (g, x, y) => g.node('ScatterElements', [x, g.constant(int64([0, 3, -1, 1], [2, 2])), y], { axis: 1 }),
    },
    {
      op: 'ScatterND',
      note: `opset ${opset}`,
      opset,
      shapes: [
        [3, 4],
        [2, 4],
      ],
      build: (g, x, y) => g.node('ScatterND', [x, g.constant(int64([2, 0], [2, 1])), y]),
    },
  ]),
  ...['ScatterElements', 'ScatterND'].map((op): RuleCase => {
    const rows = op === 'ScatterND'
    return {
      op,
      note: 'added',
      shapes: [[3, 4], rows ? [3, 4] : [2, 3]],
      build: (g, x, y) =>
        g.node(op, [x, g.constant(rows ? int64([2, 0, 2], [3, 1]) : int64([0, 1, 1, 2, 0, 0], [2, 3])), y], {
          reduction: 'add',
        }),
    }
  }),
  ...[0, 1].map(
    (upper): RuleCase => ({
      op: 'Trilu',
      note: String(upper),
      shapes: [[2, 3, 4]],
      build: (g, x) => g.node('Trilu', [x], { upper }),
    }),
  ),
  transposed('plain', [2, 3, 4, 5], [3, 2, 3, 2], 2, {}),
  transposed('strided', [2, 3, 4, 3], [3, 2, 3, 3], 2, { strides: [2, 3], pads: [1, 0, 1, 2] }),
  transposed('output padding', [1, 2, 4, 4], [2, 3, 3, 3], 3, {
    strides: [2, 2],
    pads: [1, 1, 1, 1],
    output_padding: [1, 1],
  }),
  transposed('dilated groups', [2, 4, 3, 3], [4, 3, 2, 3], 6, { group: 2, dilations: [2, 1], strides: [1, 2] }),
  transposed('depthwise', [2, 3, 4, 4], [3, 1, 2, 2], 3, { group: 3, strides: [2, 2] }),
  transposed('same', [1, 2, 4, 5], [2, 3, 3, 3], 3, { auto_pad: 'SAME_UPPER', strides: [2, 2] }),
  transposed('output shape', [1, 2, 4, 4], [2, 3, 3, 3], 3, { output_shape: [8, 7], strides: [2, 2] }),
  transposed('wide padding', [1, 2, 5, 5], [2, 2, 3, 3], 2, { strides: [3, 3], output_padding: [2, 2] }),
  transposed('one axis', [2, 3, 6], [3, 2, 4], 2, { strides: [2], pads: [1, 2] }),
)

describe('finite differences', () => {
  test.each(cases.map((c) => [`${c.op}${c.note ? ` (${c.note})` : ''}`, c] as const))('%s', async (_, c) => {
    expect(await worstError(c)).toBeLessThan(TOLERANCE)
  })
  test('cover every rule', () => {
    expect([...rules.keys()].filter((op) => !tested.has(op))).toEqual([])
  })
})

describe('any shapes', () => {
  const dims = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 })
  const broadcastPair = dims.chain((full) =>
    fc
      .tuple(
        fc.constant(full),
        fc.nat(full.length - 1),
        fc.array(fc.boolean(), { minLength: full.length, maxLength: full.length }),
      )
      .map(([shape, cut, ones]) => [shape, shape.map((dim, i) => (ones[i] ? 1 : dim)).slice(cut)]),
  )

  test('broadcasting', async () => {
    await fc.assert(
      fc.asyncProperty(broadcastPair, fc.constantFrom('Mul', 'Add', 'Div'), async ([a, b], op) => {
        expect(await worstError(binary(op, [b!, a!], { away: 0.5 }))).toBeLessThan(TOLERANCE)
      }),
      { numRuns: 15, seed: 1 },
    )
  })

  test('reductions over any axes', async () => {
    await fc.assert(
      fc.asyncProperty(dims, fc.integer({ min: 1, max: 15 }), fc.boolean(), async (shape, bits, keepdims) => {
        const axes = shape.flatMap((_, axis) => (bits & (1 << axis) ? [axis] : []))
        const build: RuleCase['build'] = (g, x) =>
          g.node('ReduceL2', [x, ...(axes.length ? [g.integers(axes)] : [])], { keepdims })
        expect(
          await worstError({
            op: 'ReduceL2',
            opset: 18,
            note: `${shape} ${axes}`,
            shapes: [shape],
            positive: true,
            build,
          }),
        ).toBeLessThan(TOLERANCE)
      }),
      { numRuns: 15, seed: 2 },
    )
  })

  test('convolutions', async () => {
    const sizes = fc.record({
      kernel: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
      strides: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
      pads: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 4, maxLength: 4 }),
      group: fc.constantFrom(1, 2, 4),
      inner: fc.constantFrom(1, 2),
      edge: fc.integer({ min: 4, max: 7 }),
    })
    await fc.assert(
      fc.asyncProperty(sizes, async ({ kernel, strides, pads, group, inner, edge }) => {
        const kept = pads.map((pad, i) => Math.min(pad, kernel[i % 2]! - 1))
        const [c] = convolution(
          JSON.stringify({ kernel, strides, kept, group, inner, edge }),
          [2, group * inner, edge, edge + 1],
          [group * 2, inner, ...kernel],
          { strides, pads: kept, group },
        )
        expect(await worstError(c!)).toBeLessThan(TOLERANCE)
      }),
      { numRuns: 20, seed: 3 },
    )
  })
})

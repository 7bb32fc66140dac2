import { elementTypeNumber } from '../model/element-types.js'
import { float16ToFloat32, float32ToFloat16 } from '../model/half.js'
import type { Node, OnnxModel } from '../model/model.js'
import { float32, type Tensor, type TensorOf } from '../model/tensor.js'

export interface ShrinkOptions {
  /** Weights with fewer values stay float32. Default 1024. */
  readonly minimum?: number | undefined
}

export interface ToInt8Options extends ShrinkOptions {
  /** Only weights that have been 8-bit integers before, which loses nothing. Default false. */
  readonly again?: boolean | undefined
}

/**
 * The model with its float32 weights stored in half precision: half the size, computed in float32 as before. Values beyond 65,504 stay
 * float32.
 *
 * @example
 * await saveModel('small.onnx', toHalf(model))
 */
export function toHalf(model: OnnxModel, options: ShrinkOptions = {}): OnnxModel {
  return shrink(model, options, (name, tensor) => {
    if (tensor.data.some((value) => Math.abs(value) > 65504)) return undefined
    const stored: Tensor = { type: 'float16', shape: tensor.shape, data: float32ToFloat16(tensor.data) }
    const cast: Node = {
      name: `${name} as float`,
      op: 'Cast',
      domain: '',
      inputs: [`${name}.half`],
      outputs: [name],
      attributes: { to: { kind: 'int', value: elementTypeNumber('float32') } },
    }
    return { node: cast, tensors: [[`${name}.half`, stored]] }
  })
}

/**
 * The model with its large weights stored as 8-bit integers, a quarter of the size, each row of the longest useful axis with a scale of
 * its own; computed in float32 as before. Needs opset 13 or more; below that, nothing changes.
 */
export function toInt8(model: OnnxModel, options: ToInt8Options = {}): OnnxModel {
  if ((model.opset[''] ?? 0) < 13) return model
  return shrink(model, options, (name, tensor) => {
    if (tensor.shape.length < 2) return undefined
    const axis = scaleAxis(model, name, tensor.shape.length)
    const { data, scales } = quantise(tensor, axis)
    if (options.again && !isSame(scaled(data, scales, innerOf(tensor.shape, axis)), tensor.data)) return undefined
    const node: Node = {
      name: `${name} as float`,
      op: 'DequantizeLinear',
      domain: '',
      inputs: [`${name}.int8`, `${name}.scale`],
      outputs: [name],
      attributes: { axis: { kind: 'int', value: axis } },
    }
    return {
      node,
      tensors: [
        [`${name}.int8`, { type: 'int8', shape: tensor.shape, data }],
        [`${name}.scale`, { type: 'float32', shape: [scales.length], data: scales }],
      ],
    }
  })
}

/**
 * Undoes {@link toHalf} and {@link toInt8}: weights in single precision under their own names, which training can change. A model that
 * computes with integers, whose values are quantised too, keeps its 8-bit weights.
 */
export function toFull(model: OnnxModel): OnnxModel {
  const { graph } = model
  const initializers = new Map(graph.initializers)
  const whole = graph.nodes.some(({ op, inputs }) => isQuantising(op) && !graph.initializers.has(inputs[0]!))
  const folded = new Set<string>()
  const nodes = graph.nodes.filter((node) => {
    const full = widened(node, graph.initializers, whole)
    if (!full) return true
    initializers.set(node.outputs[0]!, full)
    for (const name of node.inputs) folded.add(name)
    return false
  })
  for (const node of nodes) for (const input of node.inputs) folded.delete(input)
  for (const { name } of graph.outputs) folded.delete(name)
  for (const name of folded) initializers.delete(name)
  return { ...model, graph: { ...graph, nodes, initializers } }
}

const isQuantising = (op: string) =>
  op === 'DequantizeLinear' || op.endsWith('QuantizeLinear') || op.endsWith('Integer')

function widened(
  { op, inputs, attributes }: Node,
  initializers: ReadonlyMap<string, Tensor>,
  quantised: boolean,
): Tensor | undefined {
  const [stored, scale] = inputs.map((name) => initializers.get(name))
  if (op === 'Cast' && stored?.type === 'float16' && intOf(attributes['to']) === elementTypeNumber('float32'))
    return float32(float16ToFloat32(stored.data), stored.shape)
  // With a zero point it is another exporter's.
  if (quantised || op !== 'DequantizeLinear' || inputs.length !== 2) return undefined
  if (stored?.type !== 'int8' || scale?.type !== 'float32') return undefined
  const axis = intOf(attributes['axis']) ?? 1
  if (scale.data.length !== stored.shape[axis]) return undefined
  return float32(scaled(stored.data, scale.data, innerOf(stored.shape, axis)), stored.shape)
}

/** But for the rounding of the scales. */
const isSame = (found: Float32Array, wanted: Float32Array) =>
  wanted.every((value, i) => Math.abs(found[i]! - value) <= 1e-6 * Math.abs(value))

function scaled(values: Int8Array, scales: Float32Array, inner: number): Float32Array {
  const full = new Float32Array(values.length)
  for (let i = 0, channel = 0; i < full.length; channel = channel + 1 === scales.length ? 0 : channel + 1) {
    const scale = scales[channel]!
    for (const end = i + inner; i < end; i++) full[i] = values[i]! * scale
  }
  return full
}

const intOf = (attribute: Node['attributes'][string] | undefined) =>
  attribute?.kind === 'int' ? attribute.value : undefined

/** Values in a row that stand at one place of an axis. */
const innerOf = (shape: readonly number[], axis: number) =>
  shape.slice(axis + 1).reduce((product, dim) => product * dim, 1)

type Stored = { readonly node: Node; readonly tensors: readonly (readonly [string, Tensor])[] }

function shrink(
  model: OnnxModel,
  { minimum = 1024 }: ShrinkOptions,
  store: (name: string, tensor: TensorOf<'float32'>) => Stored | undefined,
): OnnxModel {
  const initializers = new Map<string, Tensor>()
  const nodes: Node[] = []
  const outputs = new Set(model.graph.outputs.map(({ name }) => name))
  for (const [name, tensor] of model.graph.initializers) {
    const stored =
      tensor.type === 'float32' && tensor.data.length >= minimum && !outputs.has(name) ? store(name, tensor) : undefined
    if (stored) nodes.push(stored.node)
    for (const [part, value] of stored?.tensors ?? [[name, tensor] as const]) initializers.set(part, value)
  }
  return { ...model, graph: { ...model.graph, initializers, nodes: [...nodes, ...model.graph.nodes] } }
}

/** The axis of a weight's outputs: along it values differ most in size. */
function scaleAxis({ graph }: OnnxModel, name: string, rank: number): number {
  const use = graph.nodes.find(({ inputs }) => inputs.includes(name))
  if (use?.op === 'MatMul' || use?.op === 'Attention') return rank - 1
  const transposed = use?.attributes['transB']
  return use?.op === 'Gemm' && !(transposed?.kind === 'int' && transposed.value === 1) ? rank - 1 : 0
}

function quantise({ data, shape }: TensorOf<'float32'>, axis: number): { data: Int8Array; scales: Float32Array } {
  const inner = innerOf(shape, axis)
  const scales = new Float32Array(shape[axis]!)
  const channel = (i: number) => Math.floor(i / inner) % scales.length
  data.forEach((value, i) => {
    scales[channel(i)] = Math.max(scales[channel(i)]!, Math.abs(value))
  })
  // A channel of zeros keeps a harmless scale.
  for (let i = 0; i < scales.length; i++) scales[i] = scales[i]! > 0 ? scales[i]! / 127 : 1
  return {
    data: Int8Array.from(data, (value, i) => Math.max(-127, Math.min(127, Math.round(value / scales[channel(i)]!)))),
    scales,
  }
}

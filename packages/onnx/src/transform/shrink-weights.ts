import { elementTypeNumber } from '../model/element-types.js'
import type { Node, OnnxModel } from '../model/model.js'
import type { Tensor, TensorOf } from '../model/tensor.js'
import { toHalfBits } from './half.js'

export interface ShrinkOptions {
  /** Weights with fewer values stay float32. Default 1024. */
  readonly minimum?: number | undefined
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
    const stored: Tensor = { type: 'float16', shape: tensor.shape, data: Uint16Array.from(tensor.data, toHalfBits) }
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
export function toInt8(model: OnnxModel, options: ShrinkOptions = {}): OnnxModel {
  if ((model.opset[''] ?? 0) < 13) return model
  return shrink(model, options, (name, tensor) => {
    if (tensor.shape.length < 2) return undefined
    const axis = scaleAxis(model, name, tensor.shape.length)
    const { data, scales } = quantise(tensor, axis)
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
  const count = shape[axis]!
  const inner = shape.slice(axis + 1).reduce((product, dim) => product * dim, 1)
  const channel = (i: number) => Math.floor(i / inner) % count
  const scales = new Float32Array(count)
  data.forEach((value, i) => {
    scales[channel(i)] = Math.max(scales[channel(i)]!, Math.abs(value))
  })
  // A channel of zeros keeps a harmless scale.
  for (let i = 0; i < count; i++) scales[i] = scales[i]! > 0 ? scales[i]! / 127 : 1
  return {
    data: Int8Array.from(data, (value, i) => Math.max(-127, Math.min(127, Math.round(value / scales[channel(i)]!)))),
    scales,
  }
}

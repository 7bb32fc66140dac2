import { float16ToFloat32, type Node, type OnnxModel, type Tensor } from '@lookalike/onnx'
import type { Weight } from './weights.js'

/**
 * The float weights of an ONNX model by name, in PyTorch's layout (`[outputs, inputs]`).
 *
 * Exporters turn the weights of linear layers round and take their names away, but leave those of the biases: a nameless weight is called after
 * the bias that is added to its product.
 */
export function readOnnxWeights({ graph }: OnnxModel): Map<string, Weight> {
  const weights = new Map<string, Weight>()
  for (const [name, tensor] of graph.initializers) {
    const data = floatsOf(tensor)
    if (data) weights.set(name, { shape: tensor.shape, data })
  }
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)))
  for (const node of graph.nodes) {
    const product = node.op === 'Gemm' ? node : node.op === 'Add' ? productOf(node, makers) : undefined
    const bias = node.inputs.find((input) => input.endsWith('.bias') && weights.has(input))
    const factor = product?.inputs[1]
    const weight = factor === undefined ? undefined : weights.get(factor)
    if (!product || bias === undefined || factor === undefined || weight?.shape.length !== 2) continue
    const name = bias.replace(/bias$/, 'weight')
    if (factor !== name && weights.has(name)) continue
    weights.delete(factor)
    weights.set(name, isTransposed(product) ? weight : transpose(weight))
  }
  for (const name of weights.keys()) if (isAnonymous(name)) weights.delete(name)
  return weights
}

function productOf(add: Node, makers: ReadonlyMap<string, Node>): Node | undefined {
  return add.inputs.map((input) => makers.get(input)).find((maker) => maker?.op === 'MatMul')
}

function isTransposed({ op, attributes }: Node): boolean {
  const turned = attributes['transB']
  return op === 'Gemm' && turned?.kind === 'int' && turned.value === 1
}

/** Constants of the computation, as exporters and the builder name them. */
const isAnonymous = (name: string) =>
  /^(onnx::|\/|_?v_?\d|constant(_\d+)?$|Constant)/.test(name) || !/[a-z]/i.test(name)

function floatsOf(tensor: Tensor): Float32Array | undefined {
  if (tensor.type === 'float32') return tensor.data
  if (tensor.type === 'float16') return float16ToFloat32(tensor.data)
  return undefined
}

function transpose({ shape, data }: Weight): Weight {
  const [rows, columns] = shape as [number, number]
  const turned = new Float32Array(data.length)
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) turned[c * rows + r] = data[r * columns + c]!
  return { shape: [columns, rows], data: turned }
}

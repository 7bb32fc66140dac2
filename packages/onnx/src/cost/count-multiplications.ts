import { probe } from '../gradient/probe.js'
import type { Graph, Node, OnnxModel } from '../model/model.js'
import { sizeOf } from '../model/tensor.js'
import type { Feeds } from '../session/open-session.js'

type Shape = readonly number[]
/** @param input shape of an input by its position @param output shape of the first output */
type Count = (input: (position: number) => Shape, output: Shape, node: Node) => number | undefined

/** `[..., m, k]` times `[..., k, n]`. */
const product: Count = (input, output) => sizeOf(output) * input(0).at(-1)!
/** The kernel's share of each output value: `[outputs, inputs / groups, ...kernel]`. */
const convolution =
  (weight: number): Count =>
  (input, output) =>
    sizeOf(output) * sizeOf(input(weight).slice(1))
const integer = ({ attributes }: Node, name: string) => {
  const attribute = attributes[name]
  return attribute?.kind === 'int' ? attribute.value : 0
}

const STANDARD: Readonly<Record<string, Count>> = {
  MatMul: product,
  MatMulInteger: product,
  QLinearMatMul: product,
  Gemm: (input, output, node) => sizeOf(output) * input(0)[integer(node, 'transA') ? 0 : 1]!,
  Conv: convolution(1),
  ConvInteger: convolution(1),
  QLinearConv: convolution(3),
  ConvTranspose: (input) => sizeOf(input(0)) * sizeOf(input(1).slice(1)),
  Einsum: einsum,
  Attention: attend,
}

const CONTRIBUTED: Readonly<Record<string, Count>> = {
  FusedMatMul: (input, output, node) => sizeOf(output) * input(0).at(integer(node, 'transA') ? -2 : -1)!,
  FusedGemm: STANDARD['Gemm']!,
  FusedConv: convolution(1),
  DynamicQuantizeMatMul: product,
  MatMulIntegerToFloat: product,
  MultiHeadAttention: attend,
  /** The projection to queries, keys and values, then the attention itself. */
  Attention(input, output) {
    const [images = 1, tokens = 1] = input(0)
    const [, width = 0] = input(1)
    return sizeOf(input(0)) * width + images * tokens * tokens * (width - output.at(-1)!)
  },
  Gelu: () => 0,
  FastGelu: () => 0,
  QuickGelu: () => 0,
  BiasGelu: () => 0,
  LayerNormalization: () => 0,
  SimplifiedLayerNormalization: () => 0,
  SkipLayerNormalization: () => 0,
  QLinearAdd: () => 0,
  QLinearMul: () => 0,
  QLinearGlobalAveragePool: () => 0,
}

/** Operators of ONNX's own set whose products are not told by shapes here. */
const UNTOLD = new Set(['LSTM', 'GRU', 'RNN', 'DeformConv', 'DFT', 'STFT'])

/**
 * The multiplications of a model's matrix products and convolutions for one set of inputs, which is what inference costs (what
 * is added up and what is done value by value is left out, as is usual). What depends on no input is computed once and not counted.
 *
 * @returns undefined where some of it cannot be told: recurrent layers, foreign operators, products within branches and loops
 *
 * @example
 * const a = await countMultiplications(model, { pixel_values: float32(new Float32Array(3 * 64 * 64), [1, 3, 64, 64]) })
 */
export async function countMultiplications(model: OnnxModel, feeds: Feeds): Promise<number | undefined> {
  if (!model.graph.nodes.every((node) => isTold(node, model))) return undefined
  const { shapes, values } = await probe(model, feeds)
  let count = 0
  for (const node of model.graph.nodes) {
    const [output = ''] = node.outputs
    const operator = operatorOf(node)
    if (!operator || values.has(output)) continue
    const own = operator((position) => shapes.get(node.inputs[position] ?? '') ?? [], shapes.get(output) ?? [], node)
    if (own === undefined) return undefined
    count += own
  }
  return count
}

const isStandard = ({ domain }: Node) => domain === '' || domain === 'ai.onnx'

const operatorOf = (node: Node): Count | undefined =>
  isStandard(node) ? STANDARD[node.op] : node.domain === 'com.microsoft' ? CONTRIBUTED[node.op] : undefined

function isTold(node: Node, model: OnnxModel): boolean {
  if (!isStandard(node)) return operatorOf(node) !== undefined
  return !UNTOLD.has(node.op) && innerGraphs(node).every((graph) => isFree(graph, model))
}

/** Nothing that is counted, at any depth. */
const isFree = (graph: Graph, model: OnnxModel): boolean =>
  graph.nodes.every((node) => isStandard(node) && !operatorOf(node) && isTold(node, model))

const innerGraphs = ({ attributes }: Node) =>
  Object.values(attributes).flatMap((attribute) => (attribute.kind === 'graph' ? [attribute.value] : []))

/** Scores and their mix: `[N, L, H E]` or `[N, H, L, E]` queries, keys of S tokens. */
function attend(input: (position: number) => Shape, output: Shape): number | undefined {
  const [query, key] = [input(0), input(1)]
  if (query.length !== key.length || query.length < 3 || query.length > 4) return undefined
  const tokens = key.at(-2)!
  return (sizeOf(query) + sizeOf(output)) * tokens
}

/** One multiplication for each choice of all indices, whatever their order: as the runtime does it for two operands. */
function einsum(input: (position: number) => Shape, _: Shape, { attributes, inputs }: Node): number | undefined {
  const { equation } = attributes
  if (equation?.kind !== 'string' || equation.value.includes('.') || inputs.length !== 2) return undefined
  const sizes = new Map<string, number>()
  const terms = equation.value.replaceAll(' ', '').split('->')[0]!.split(',')
  for (const [position, term] of terms.entries())
    for (const [axis, index] of [...term].entries()) sizes.set(index, input(position)[axis] ?? 1)
  return sizeOf([...sizes.values()])
}

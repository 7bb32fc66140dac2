import type { Probe } from '../../gradient/probe.js'
import type { Graph, Node } from '../../model/model.js'
import type { Tensor, TensorType } from '../../model/tensor.js'
import { producers, readsOf } from '../needed-nodes.js'
import { canMove, isToFloat32 } from './moved-positions.js'
import { scaling } from './scaling.js'

/** A tensor that holds an operand's values, moved and scaled by constants. */
export interface Link {
  readonly tensor: string
  /** What the operand is times this tensor. */
  readonly scale: number
}

/** From an operand back to where its values were computed. */
export type Chain = readonly [Link, ...Link[]]

/** A constant that is added to the scores. */
export interface Bias {
  readonly tensor: string
  readonly factor: number
  /** The shape that the scores have where it is added. */
  readonly scores: readonly number[]
}

/** softmax(scale factors q k^T + biases) v, over the last axis. How the heads lie is still to be found out. */
export interface Attention {
  readonly queries: Chain
  /** Transposed: the scores are queries times this. */
  readonly keys: Chain
  readonly values: Chain
  readonly scale: number
  /** A constant that scales the scores of each head by its own number. */
  readonly headFactors: string | undefined
  readonly biases: readonly Bias[]
  /** queries times keys. */
  readonly scores: string
  /** The heads' results and what they are moved to, one after the other. */
  readonly results: readonly [string, ...string[]]
}

type Scores = Pick<Attention, 'scale' | 'headFactors' | 'biases'> & { readonly product: Node }

const FLOATS: ReadonlySet<string> = new Set<TensorType>(['float16', 'bfloat16', 'float32', 'float64'])

export function findAttentions(graph: Graph, found: Probe): Attention[] {
  const made = producers(graph.nodes)
  const { shapes, values } = found
  const readers = readersOf(graph, found)
  const moves = (node: Node | undefined): node is Node => node !== undefined && canMove(node, values)

  const chainOf = (operand: string): Chain => {
    const links: [Link, ...Link[]] = [{ tensor: operand, scale: 1 }]
    for (;;) {
      const { tensor, scale } = links.at(-1)!
      const node = made.get(tensor)
      const scaled = node && scaling(node, found)
      if (!scaled && !moves(node)) return links
      links.push({ tensor: scaled?.input ?? node!.inputs[0]!, scale: scale * (scaled?.factor ?? 1) })
    }
  }

  const attentionOf = (softmax: Node): Attention | undefined => {
    const scored = overLastAxis(softmax, shapes) ? scoresOf(softmax.inputs[0]!, made, found) : undefined
    if (!scored) return undefined
    let weights = unguarded(softmax.outputs[0]!, readers, values)
    // Some exports name the softmax's type once more.
    for (let next = readers.only(weights); moves(next) && next.op === 'Cast'; next = readers.only(weights))
      weights = next.outputs[0]!
    const mixing = readers.only(weights)
    const { product, ...scores } = scored
    if (mixing?.op !== 'MatMul' || mixing.domain !== '' || mixing.inputs[0] !== weights) return undefined
    if (shapes.get(product.outputs[0]!)?.join() !== shapes.get(weights)?.join()) return undefined
    const operands = [product.inputs[0]!, product.inputs[1]!, mixing.inputs[1]!].map(chainOf) as [Chain, Chain, Chain]
    if (!operands.every((chain) => typeOf(chain.at(-1)!.tensor, graph, made, values) === 'float32')) return undefined
    const results: [string, ...string[]] = [mixing.outputs[0]!]
    for (;;) {
      const next = readers.only(results.at(-1)!)
      if (!moves(next) || next.outputs.length > 1) break
      results.push(next.outputs[0]!)
    }
    return {
      queries: operands[0],
      keys: operands[1],
      values: operands[2],
      scores: product.outputs[0]!,
      results,
      ...scores,
    }
  }

  return graph.nodes.flatMap((node) => (node.op === 'Softmax' && node.domain === '' ? (attentionOf(node) ?? []) : []))
}

type Makers = ReadonlyMap<string, Node>

/** Back from the softmax to the product of queries and keys. */
function scoresOf(softmaxed: string, made: Makers, found: Probe): Scores | undefined {
  const { shapes, values } = found
  let [tensor, scale] = [softmaxed, 1]
  let headFactors: string | undefined
  const biases: Bias[] = []
  for (;;) {
    const node = made.get(tensor)
    if (!node || node.domain !== '') return undefined
    if (node.op === 'MatMul') return { product: node, scale, headFactors, biases }
    const scaled = scaling(node, found)
    const constant = node.inputs.find((name) => values.has(name))
    const other = node.inputs.find((name) => name !== constant)!
    if (scaled) {
      scale *= scaled.factor
      tensor = scaled.input
    } else if (node.op === 'Add' && constant !== undefined && headFactors === undefined) {
      biases.push({ tensor: constant, factor: scale, scores: shapes.get(tensor)! })
      tensor = other
    } else if (node.op === 'Mul' && isForHeads(constant, shapes) && headFactors === undefined) {
      headFactors = constant
      tensor = other
    } else if ((node.op === 'Reshape' || node.op === 'Identity') && canMove(node, values)) tensor = node.inputs[0]!
    else return undefined
  }
}

function isForHeads(constant: string | undefined, shapes: Probe['shapes']): boolean {
  const shape = constant === undefined ? undefined : shapes.get(constant)
  return shape !== undefined && shape.length >= 3 && shape.slice(-2).every((dim) => dim === 1)
}

/** Of a tensor of floating-point numbers: that of the constants that it was computed with. */
function typeOf(tensor: string, graph: Graph, made: Makers, values: Probe['values']): string | undefined {
  for (let name = tensor; ; ) {
    const node = made.get(name)
    const known = [name, ...(node?.inputs ?? [])].map((input) => values.get(input)?.type)
    const type = known.find((one) => one !== undefined && FLOATS.has(one))
    if (type !== undefined) return type
    if (!node) return graph.inputs.find((input) => input.name === name)?.type
    if (node.op === 'Cast') return isToFloat32(node) ? 'float32' : undefined
    name = node.inputs[0] ?? ''
  }
}

/** Past zeros in the place of what is no number: such rows, where everything is masked, are not fused. */
function unguarded(weights: string, readers: ReturnType<typeof readersOf>, values: Probe['values']): string {
  const [a, b, ...more] = readers.all(weights)
  const [test, choice] = a?.op === 'IsNaN' ? [a, b] : [b, a]
  const isGuard =
    more.length === 0 &&
    test?.op === 'IsNaN' &&
    choice?.op === 'Where' &&
    choice.inputs[0] === test.outputs[0] &&
    choice.inputs[2] === weights &&
    isZero(values.get(choice.inputs[1]!))
  return isGuard ? choice.outputs[0]! : weights
}

const isZero = (tensor: Tensor | undefined) => tensor?.type === 'float32' && tensor.data.every((value) => value === 0)

/** Which nodes read a tensor's values; those that come out of the graph have no reader that is the only one. */
function readersOf(graph: Graph, { values }: Probe) {
  const readers = new Map<string, Node[]>()
  // What reads no more than a shape is constant.
  for (const node of graph.nodes.filter(({ outputs }) => !values.has(outputs[0]!)))
    for (const name of new Set(readsOf(node))) readers.set(name, [...(readers.get(name) ?? []), node])
  const out = new Set(graph.outputs.map(({ name }) => name))
  const all = (tensor: string): readonly Node[] => (out.has(tensor) ? [] : (readers.get(tensor) ?? []))
  const only = (tensor: string) => (all(tensor).length === 1 ? all(tensor)[0] : undefined)
  return { all, only }
}

/** The default axis depends on the opset: only one that is written counts. */
function overLastAxis({ inputs, attributes }: Node, shapes: Probe['shapes']): boolean {
  const axis = attributes['axis']
  return axis?.kind === 'int' && (axis.value === -1 || axis.value + 1 === shapes.get(inputs[0]!)?.length)
}

import type { Probe } from '../../gradient/probe.js'
import type { Graph, Node } from '../../model/model.js'
import { sizeOf, type TensorOf } from '../../model/tensor.js'
import { producers, readsOf } from '../needed-nodes.js'
import type { Move } from './moved-positions.js'
import { scaling } from './scaling.js'

/** Tokens [N, tokens, dim] times a weight [dim, columns], plus a bias. */
export interface Product {
  readonly tokens: string
  readonly weight: TensorOf<'float32'>
  readonly bias: TensorOf<'float32'> | undefined
}

/** softmax(scale q k^T) v. How the heads lie is still to be checked. */
export interface Attention {
  /** What queries, keys and values are columns of. */
  readonly product: Product
  readonly queries: Move
  /** Its target is transposed. */
  readonly keys: Move
  readonly values: Move
  readonly scale: number
  /** The softmax. */
  readonly weights: string
  /** From the heads' results to tokens [N, tokens, dim]. */
  readonly result: Move
}

type Scaled = Move & { readonly scale: number }

/** Operators that move values and change none. */
const MOVES = new Set([
  'Flatten',
  'Gather',
  'Identity',
  'Reshape',
  'Slice',
  'Split',
  'Squeeze',
  'Transpose',
  'Unsqueeze',
])

export function findAttentions(graph: Graph, found: Probe): Attention[] {
  const made = producers(graph.nodes)
  const readers = readersOf(graph, found)
  const { shapes, values } = found
  const maker = (tensor: string | undefined, op: string) => {
    const node = made.get(tensor ?? '')
    return node?.op === op && node.domain === '' ? node : undefined
  }
  const moves = (node: Node | undefined): node is Node =>
    node !== undefined &&
    MOVES.has(node.op) &&
    node.domain === '' &&
    node.inputs.slice(1).every((name) => name === '' || values.has(name))

  /** Back to where the values were computed. */
  const origin = (target: string, through: (node: Node | undefined) => boolean) => {
    let source = target
    let scale = 1
    for (;;) {
      const node = made.get(source)
      const scaled = node && scaling(node, found)
      if (!scaled && !through(node)) return { source, scale }
      source = scaled?.input ?? node!.inputs[0]!
      scale *= scaled?.factor ?? 1
    }
  }

  const productOf = (source: string): Product | undefined => {
    const sum = maker(source, 'Add')
    const biased = sum?.inputs.find((name) => values.has(name))
    const product = maker(biased === undefined ? source : sum!.inputs.find((name) => name !== biased), 'MatMul')
    const weight = values.get(product?.inputs[1] ?? '')
    const bias = values.get(biased ?? '')
    if (
      !product ||
      shapes.get(product.inputs[0]!)?.length !== 3 ||
      weight?.type !== 'float32' ||
      weight.shape.length !== 2
    )
      return undefined
    if (bias && (bias.type !== 'float32' || sizeOf(bias.shape) !== weight.shape[1])) return undefined
    return { tokens: product.inputs[0]!, weight, bias }
  }

  const attentionOf = (softmax: Node): Attention | undefined => {
    const { source: scores, scale } = origin(softmax.inputs[0]!, () => false)
    const scoring = maker(scores, 'MatMul')
    const mixing = readers.get(softmax.outputs[0]!)
    if (!scoring || !overLastAxis(softmax, shapes) || !isMatMul(mixing) || mixing.inputs[0] !== softmax.outputs[0])
      return undefined
    const [q, k, v] = [scoring.inputs[0]!, scoring.inputs[1]!, mixing.inputs[1]!].map((target) => ({
      target,
      ...origin(target, moves),
    })) as [Scaled, Scaled, Scaled]
    const product = productOf(q.source)
    const whole = scale * q.scale * k.scale
    // Zero stands for the operator's default.
    if (!product || k.source !== q.source || v.source !== q.source || v.scale !== 1 || !(whole > 0)) return undefined
    if ([q, k, v].some(({ target }) => target === q.source)) return undefined
    const tokens = shapes.get(product.tokens)!
    const isResult = (shape: readonly number[]) =>
      shape.length === 3 && shape[0] === tokens[0] && shape[1] === tokens[1]
    const source = mixing.outputs[0]!
    let target = source
    do {
      const next = readers.get(target)
      if (!moves(next) || next.outputs.length > 1) return undefined
      target = next.outputs[0]!
    } while (!isResult(shapes.get(target)!))
    return {
      product,
      queries: q,
      keys: k,
      values: v,
      scale: whole,
      weights: softmax.outputs[0]!,
      result: { source, target },
    }
  }

  return graph.nodes.flatMap((node) => (node.op === 'Softmax' && node.domain === '' ? (attentionOf(node) ?? []) : []))
}

/** The only node that reads a tensor's values; tensors with several such readers, or that come out of the graph, have none. */
function readersOf(graph: Graph, { values }: Probe): Map<string, Node | undefined> {
  const readers = new Map<string, Node | undefined>(graph.outputs.map(({ name }) => [name, undefined]))
  // What reads no more than a shape is constant.
  for (const node of graph.nodes.filter(({ outputs }) => !values.has(outputs[0]!)))
    for (const name of readsOf(node)) readers.set(name, readers.has(name) ? undefined : node)
  return readers
}

const isMatMul = (node: Node | undefined): node is Node => node?.op === 'MatMul' && node.domain === ''

/** The default axis depends on the opset: only one that is written counts. */
function overLastAxis({ inputs, attributes }: Node, shapes: Probe['shapes']): boolean {
  const axis = attributes['axis']
  return axis?.kind === 'int' && (axis.value === -1 || axis.value + 1 === shapes.get(inputs[0]!)?.length)
}

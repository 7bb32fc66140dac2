import type { Graph, Node } from '../model/model.js'
import { type Tensor, toNumbers } from '../model/tensor.js'
import { neededNodes, producers, readsOf } from '../transform/needed-nodes.js'

/**
 * Finds layer norms and GELUs that an exporter wrote out in elementary operators and puts one node in their place: the gradient of the
 * whole is shorter than that of its parts, and the runtime has one kernel for it.
 */
export function raisePatterns(graph: Graph): Graph {
  const matcher = createMatcher(graph)
  const raised = new Map<string, Node>()
  for (const node of graph.nodes) {
    const found = layerNorm(node, matcher) ?? gelu(node, matcher)
    if (found) raised.set(node.name, found)
  }
  if (raised.size === 0) return graph
  const nodes = graph.nodes.map((node) => raised.get(node.name) ?? node)
  return {
    ...graph,
    nodes: neededNodes(
      nodes,
      graph.outputs.map(({ name }) => name),
    ),
  }
}

interface Matcher {
  /** The node that makes a tensor, where it is of that operator. */
  from(tensor: string | undefined, op: string): Node | undefined
  /** A constant with one value, as a number. */
  scalar(tensor: string | undefined): number | undefined
  constant(tensor: string | undefined): Tensor | undefined
  /** The other input of a node with two, and the one that makes `test` true. */
  either<T>(node: Node | undefined, test: (tensor: string, other: string) => T | undefined): T | undefined
  /** How many nodes and outputs read a tensor. */
  readers(tensor: string): number
}

function createMatcher(graph: Graph): Matcher {
  const made = producers(graph.nodes)
  const readers = new Map<string, number>()
  for (const name of [...graph.nodes.flatMap(readsOf), ...graph.outputs.map((output) => output.name)])
    readers.set(name, (readers.get(name) ?? 0) + 1)
  const constant = (tensor: string | undefined): Tensor | undefined => {
    if (tensor === undefined) return undefined
    const node = made.get(tensor)
    return node?.op === 'Cast' ? constant(node.inputs[0]) : graph.initializers.get(tensor)
  }
  return {
    from: (tensor, op) => {
      const node = tensor === undefined ? undefined : made.get(tensor)
      return node?.op === op && node.domain === '' ? node : undefined
    },
    constant,
    scalar: (tensor) => {
      const value = constant(tensor)
      return value?.data.length === 1 && value.type !== 'string' ? toNumbers(value)[0] : undefined
    },
    either: (node, test) => {
      if (!node) return undefined
      const [a, b] = node.inputs as [string, string]
      return test(a, b) ?? test(b, a)
    },
    readers: (tensor) => readers.get(tensor) ?? 0,
  }
}

/** (x - mean) / sqrt(mean((x - mean)^2) + epsilon) * scale + bias, over the last axis. */
function layerNorm(add: Node, m: Matcher): Node | undefined {
  if (add.op !== 'Add') return undefined
  return m.either(add, (product, bias) =>
    m.either(m.from(product, 'Mul'), (quotient, scale) => {
      const division = m.from(quotient, 'Div')
      const centred = m.from(division?.inputs[0], 'Sub')
      const x = centred?.inputs[0]
      if (!division || !centred || x === undefined || !overLastAxis(m.from(centred.inputs[1], 'ReduceMean'), x, m))
        return undefined
      const variance = m.either(m.from(m.from(division.inputs[1], 'Sqrt')?.inputs[0], 'Add'), (mean, epsilon) => {
        const value = m.scalar(epsilon)
        const square =
          m.from(m.from(mean, 'ReduceMean')?.inputs[0], 'Pow') ?? m.from(m.from(mean, 'ReduceMean')?.inputs[0], 'Mul')
        if (value === undefined || !square || square.inputs[0] !== centred.outputs[0]) return undefined
        const squared = square.op === 'Mul' ? square.inputs[1] === centred.outputs[0] : m.scalar(square.inputs[1]) === 2
        return squared && overLastAxis(m.from(mean, 'ReduceMean'), square.outputs[0]!, m)
          ? { epsilon: value }
          : undefined
      })
      const [scaleShape, biasShape] = [m.constant(scale)?.shape, m.constant(bias)?.shape]
      if (!variance || scaleShape?.length !== 1 || biasShape?.length !== 1 || scaleShape[0] !== biasShape[0])
        return undefined
      return {
        ...add,
        op: 'LayerNormalization',
        inputs: [x, scale, bias],
        attributes: { axis: { kind: 'int', value: -1 }, epsilon: { kind: 'float', value: variance.epsilon } },
      }
    }),
  )
}

function overLastAxis(mean: Node | undefined, of: string, m: Matcher): boolean {
  if (!mean || mean.inputs[0] !== of) return false
  const attribute = mean.attributes['axes']
  const input = m.constant(mean.inputs[1])
  const axes = attribute?.kind === 'ints' ? attribute.value : input ? toNumbers(input) : []
  const keepdims = mean.attributes['keepdims']
  return axes.length === 1 && axes[0] === -1 && (keepdims?.kind !== 'int' || keepdims.value === 1)
}

/** x * (1 + erf(x / sqrt 2)) / 2, with the half in any place. */
function gelu(last: Node, m: Matcher): Node | undefined {
  if (last.op !== 'Mul') return undefined
  // The factors of the product, down to the sum with 1.
  const factors = factorsOf(last.outputs[0]!, m, 3)
  const half = factors.filter((factor) => isNear(m.scalar(factor), 0.5))
  const sums = factors.filter((factor) => m.from(factor, 'Add'))
  const rest = factors.filter((factor) => !half.includes(factor) && !sums.includes(factor))
  for (const sum of sums) {
    const others = [...rest, ...sums.filter((other) => other !== sum)]
    const x = m.either(m.from(sum, 'Add'), (erf, one) => {
      if (!isNear(m.scalar(one), 1)) return undefined
      const scaled = m.from(m.from(erf, 'Erf')?.inputs[0], 'Div') ?? m.from(m.from(erf, 'Erf')?.inputs[0], 'Mul')
      const factor = m.scalar(scaled?.inputs[1])
      return scaled && isNear(factor, scaled.op === 'Div' ? Math.SQRT2 : Math.SQRT1_2) ? scaled.inputs[0] : undefined
    })
    if (x === undefined || half.length !== 1 || others.length !== 1 || others[0] !== x) continue
    return { ...last, op: 'Gelu', domain: 'com.microsoft', inputs: [x], attributes: {} }
  }
  return undefined
}

/** The factors of a product of products whose inner results nothing else reads. */
function factorsOf(tensor: string, m: Matcher, depth: number): string[] {
  const product = m.from(tensor, 'Mul')
  if (!product || depth === 0) return [tensor]
  return product.inputs.flatMap((input) => (m.readers(input) === 1 ? factorsOf(input, m, depth - 1) : [input]))
}

function isNear(value: number | undefined, wanted: number): boolean {
  return value !== undefined && Math.abs(value - wanted) < 1e-5
}

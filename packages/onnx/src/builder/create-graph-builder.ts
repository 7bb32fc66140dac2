import { LookalikeError } from '@lookalike/core'
import type { Dimension, Graph, Node, OnnxModel, ValueInfo } from '../model/model.js'
import { float32, int64, type Tensor, type TensorType } from '../model/tensor.js'
import { type AttributeValue, toAttributes } from './attributes.js'
import { createOperators, type Operators } from './operators.js'

export interface GraphBuilderOptions {
  /** Version of ONNX's operators, 11 to 21. Default 17. */
  readonly opset?: number
  readonly name?: string
  /** Starts the names of all unnamed tensors and nodes. Default: nothing. */
  readonly prefix?: string
  /** Further sets of operators by domain, for example `{ 'com.microsoft': 1 }`. */
  readonly domains?: Readonly<Record<string, number>>
}

export interface NodeOptions {
  /** Also the base of its outputs' names. */
  readonly name?: string
  readonly domain?: string
  /** Names of the outputs, where they matter. */
  readonly outputs?: readonly string[]
}

export type AttributeValues = Readonly<Record<string, AttributeValue | undefined>>

/** The bare means of building; the operators' own methods stand on it. */
export interface NodeBuilder {
  readonly opset: number
  /** A tensor to be fed. Returns its name, as every method does. */
  input(name: string, type: TensorType, shape: readonly Dimension[]): string
  /** A named constant: a weight. */
  initializer(name: string, tensor: Tensor): string
  /** An unnamed constant; equal small ones are stored once. */
  constant(tensor: Tensor): string
  /** A float32 constant; without `shape`, one number is a scalar and several are a vector. */
  floats(values: readonly number[] | number, shape?: readonly number[]): string
  /** An int64 constant; without `shape`, one number is a scalar and several are a vector. */
  integers(values: readonly number[] | number, shape?: readonly number[]): string
  /** Any operator with one output that is wanted. */
  node(op: string, inputs: readonly string[], attributes?: AttributeValues, options?: NodeOptions): string
  /** Any operator with several outputs. */
  nodes(
    op: string,
    inputs: readonly string[],
    count: number,
    attributes?: AttributeValues,
    options?: NodeOptions,
  ): string[]
  /** Marks a tensor as a result; `name` renames it. */
  output(
    value: string,
    name?: string,
    info?: { readonly type?: TensorType; readonly shape?: readonly Dimension[] },
  ): string
  /** Takes over another graph's nodes and initializers; `inputs` says what its inputs are here. Returns its outputs' names here. */
  include(graph: Graph, inputs: Readonly<Record<string, string>>, prefix?: string): Record<string, string>
  graph(): Graph
  build(metadata?: Readonly<Record<string, string>>): OnnxModel
}

export type GraphBuilder = NodeBuilder & Operators

/**
 * Builds a graph node by node. Methods take and return names of tensors.
 *
 * @throws `onnx/opset` for a version outside 11 to 21; `onnx/name` when two tensors get the same name.
 * @example
 * const g = createGraphBuilder({ opset: 17 })
 * const x = g.input('x', 'float32', ['N', 3])
 * const w = g.initializer('w', float32([1, 2, 3, 4, 5, 6], [3, 2]))
 * g.output(g.relu(g.matMul(x, w)), 'y')
 * const model = g.build()
 */
export function createGraphBuilder(options: GraphBuilderOptions = {}): GraphBuilder {
  const builder = createNodeBuilder(options)
  return { ...builder, ...createOperators(builder) }
}

function createNodeBuilder({
  opset = 17,
  name: graphName = 'graph',
  prefix = '',
  domains = {},
}: GraphBuilderOptions): NodeBuilder {
  if (!Number.isInteger(opset) || opset < 11 || opset > 21) {
    throw new LookalikeError(
      'onnx/opset',
      { problem: `Opset ${opset} was asked for`, expected: 'a version from 11 to 21' },
      { fields: { opset } },
    )
  }
  const nodes: Node[] = []
  const inputs: ValueInfo[] = []
  const outputs: ValueInfo[] = []
  const initializers = new Map<string, Tensor>()
  const names = new Set<string>()
  const nodeNames = new Set<string>()
  const counters = new Map<string, number>()
  const constants = new Map<string, string>()
  const usedDomains = new Set<string>()

  const claim = (name: string) => {
    if (names.has(name)) {
      throw new LookalikeError(
        'onnx/name',
        { problem: `Two tensors of the graph ${graphName} are named ${name}`, expected: 'a name of its own for each' },
        { fields: { name } },
      )
    }
    names.add(name)
    return name
  }
  const fresh = (base: string, taken = names) => {
    let name = base
    while (taken.has(name)) {
      const count = (counters.get(base) ?? 0) + 1
      counters.set(base, count)
      name = `${base}_${count}`
    }
    taken.add(name)
    return name
  }
  const constant = (tensor: Tensor) => {
    if (tensor.data.length > 64) return initializer(fresh(`${prefix}constant`), tensor)
    // -0 and 0 differ as text only through Object.is.
    const values = Array.from(tensor.data as ArrayLike<number | bigint | string>, (value) =>
      Object.is(value, -0) ? '-0' : String(value),
    )
    const key = `${tensor.type}[${tensor.shape.join()}]${values.join()}`
    const known = constants.get(key)
    if (known !== undefined) return known
    const name = fresh(`${prefix}constant`)
    initializers.set(name, tensor)
    constants.set(key, name)
    return name
  }
  const initializer = (name: string, tensor: Tensor) => {
    names.add(name)
    initializers.set(name, tensor)
    return name
  }
  const add = (
    op: string,
    nodeInputs: readonly string[],
    count: number,
    attributes: AttributeValues = {},
    { name, domain = '', outputs: wanted }: NodeOptions = {},
  ) => {
    const base = name ?? prefix + op
    const made = wanted
      ? wanted.map((output) => (output === '' ? '' : claim(output)))
      : Array.from({ length: count }, (_, i) => fresh(i === 0 ? base : `${base}.${i}`))
    nodes.push({
      name: fresh(base, nodeNames),
      op,
      domain,
      inputs: nodeInputs,
      outputs: made,
      attributes: toAttributes(attributes),
    })
    if (domain) usedDomains.add(domain)
    return made
  }
  const node: NodeBuilder['node'] = (op, nodeInputs, attributes, nodeOptions) =>
    add(op, nodeInputs, 1, attributes, nodeOptions)[0]!
  const graph = (): Graph => ({
    name: graphName,
    nodes: [...nodes],
    inputs: [...inputs],
    outputs: [...outputs],
    initializers: new Map(initializers),
  })

  return {
    opset,
    input: (name, type, shape) => {
      inputs.push({ name: claim(name), type, shape })
      return name
    },
    initializer: (name, tensor) => initializer(claim(name), tensor),
    constant,
    floats: (values, shape) =>
      constant(typeof values === 'number' ? float32([values], shape ?? []) : float32(values, shape)),
    integers: (values, shape) =>
      constant(typeof values === 'number' ? int64([values], shape ?? []) : int64(values, shape)),
    node,
    nodes: (op, nodeInputs, count, attributes, nodeOptions) => add(op, nodeInputs, count, attributes, nodeOptions),
    output: (value, name = value, info = {}) => {
      const made = name === value ? value : node('Identity', [value], {}, { outputs: [name] })
      outputs.push({ name: made, type: info.type ?? 'float32', ...(info.shape && { shape: info.shape }) })
      return made
    },
    include: (other, mapping, start = '') => {
      const here = new Map(Object.entries(mapping))
      const local = (name: string) => {
        if (name === '') return ''
        const known = here.get(name)
        if (known !== undefined) return known
        const made = fresh(start + name)
        here.set(name, made)
        return made
      }
      for (const [name, tensor] of other.initializers) if (!here.has(name)) initializers.set(local(name), tensor)
      for (const part of other.nodes) {
        nodes.push({
          ...part,
          name: fresh(start + (part.name || part.op), nodeNames),
          inputs: part.inputs.map(local),
          outputs: part.outputs.map(local),
        })
        if (part.domain) usedDomains.add(part.domain)
      }
      return Object.fromEntries(other.outputs.map(({ name }) => [name, local(name)]))
    },
    graph,
    build: (metadata = {}) => ({
      // The oldest IR version that carries the opset; newer ones are refused by older runtimes.
      irVersion: opset >= 21 ? 10 : opset >= 19 ? 9 : opset >= 15 ? 8 : 7,
      opset: { '': opset, ...Object.fromEntries(Array.from(usedDomains, (domain) => [domain, 1])), ...domains },
      producer: 'lookalike',
      graph: graph(),
      metadata,
      functions: [],
    }),
  }
}

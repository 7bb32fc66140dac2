import { LookalikeError } from '@lookalike/core'
import type { Graph, Node, ValueInfo } from '../model/model.js'
import { renameOuter } from '../model/rename-outer.js'
import { float32, int64, type Tensor } from '../model/tensor.js'
import { toAttributes } from './attributes.js'
import type { AttributeValues, GraphBuilderOptions, NodeBuilder, NodeOptions } from './node-builder.js'

/** The oldest version of ONNX's operators that onnxruntime runs. */
const OLDEST_OPSET = 7

/** The bare builder, without the operators' own methods. */
export function createNodeBuilder({
  opset = 17,
  name: graphName = 'graph',
  prefix = '',
  domains = {},
}: GraphBuilderOptions): NodeBuilder {
  checkOpset(opset)
  const parts: Parts = { nodes: [], inputs: [], outputs: [], initializers: new Map(), domains: new Set() }
  const tensors = createNames()
  const nodeNames = createNames()
  const constants = new Map<string, string>()

  const claim = (name: string) => {
    if (tensors.claim(name)) return name
    throw nameTaken(graphName, name)
  }
  const initializer = (name: string, tensor: Tensor) => {
    parts.initializers.set(name, tensor)
    return name
  }
  const constant = (tensor: Tensor) => {
    const key = tensor.data.length > 64 ? undefined : keyOf(tensor)
    const known = key === undefined ? undefined : constants.get(key)
    if (known !== undefined) return known
    const name = initializer(tensors.fresh(`${prefix}constant`), tensor)
    if (key !== undefined) constants.set(key, name)
    return name
  }
  const nodes = (
    op: string,
    inputs: readonly string[],
    count: number,
    attributes: AttributeValues = {},
    { name, domain = '', outputs: wanted }: NodeOptions = {},
  ) => {
    const base = name ?? prefix + op
    const made = wanted
      ? wanted.map((output) => (output === '' ? '' : claim(output)))
      : Array.from({ length: count }, (_, i) => tensors.fresh(i === 0 ? base : `${base}.${i}`))
    const own = { op, domain, inputs, outputs: made, attributes: toAttributes(attributes) }
    parts.nodes.push({ name: nodeNames.fresh(base), ...own })
    if (domain) parts.domains.add(domain)
    return made
  }
  const node: NodeBuilder['node'] = (op, inputs, attributes, options) => nodes(op, inputs, 1, attributes, options)[0]!
  const graph = () => graphOf(graphName, parts)

  return {
    opset,
    input: (name, type, shape) => {
      parts.inputs.push({ name: claim(name), type, shape })
      return name
    },
    initializer: (name, tensor) => initializer(claim(name), tensor),
    constant,
    floats: (values, shape) =>
      constant(typeof values === 'number' ? float32([values], shape ?? []) : float32(values, shape)),
    integers: (values, shape) =>
      constant(typeof values === 'number' ? int64([values], shape ?? []) : int64(values, shape)),
    node,
    nodes,
    output: (value, name = value, info = {}) => {
      const made = name === value ? value : node('Identity', [value], {}, { outputs: [name] })
      parts.outputs.push({ name: made, type: info.type ?? 'float32', shape: info.shape })
      return made
    },
    include: (other, mapping, start = '') => include(parts, other, mapping, start, tensors, nodeNames),
    graph,
    build: (metadata = {}) => ({
      irVersion: irVersionOf(opset),
      opset: { '': opset, ...Object.fromEntries(Array.from(parts.domains, (domain) => [domain, 1])), ...domains },
      producer: 'lookalike',
      graph: graph(),
      metadata,
      functions: [],
    }),
  }
}

interface Parts {
  readonly nodes: Node[]
  readonly inputs: ValueInfo[]
  readonly outputs: ValueInfo[]
  readonly initializers: Map<string, Tensor>
  /** Other than ONNX's own. */
  readonly domains: Set<string>
}

/** The oldest IR version that carries the opset; newer ones are refused by older runtimes. */
const irVersionOf = (opset: number) => (opset >= 21 ? 10 : opset >= 19 ? 9 : opset >= 15 ? 8 : 7)

const nameTaken = (graph: string, name: string) =>
  new LookalikeError(
    'onnx/name',
    { problem: `Two tensors of the graph ${graph} are named ${name}`, expected: 'a name of its own for each' },
    { fields: { name } },
  )

function checkOpset(opset: number): void {
  if (Number.isInteger(opset) && opset >= OLDEST_OPSET) return
  throw new LookalikeError(
    'onnx/opset',
    {
      problem: `Opset ${opset} was asked for`,
      expected: `a version from ${OLDEST_OPSET} on, the oldest that onnxruntime runs`,
      fix: 'Export the model again with a later opset (17 is widely understood).',
    },
    { fields: { opset } },
  )
}

/** Names that are taken, and the next free one for each beginning. */
interface Names {
  /** False where the name is taken already. */
  claim(name: string): boolean
  fresh(base: string): string
}

function createNames(): Names {
  const taken = new Set<string>()
  const counters = new Map<string, number>()
  return {
    claim: (name) => !taken.has(name) && Boolean(taken.add(name)),
    fresh: (base) => {
      let name = base
      while (taken.has(name)) {
        const count = (counters.get(base) ?? 0) + 1
        counters.set(base, count)
        name = `${base}_${count}`
      }
      taken.add(name)
      return name
    },
  }
}

/** The same for equal tensors only. */
function keyOf({ type, shape, data }: Tensor): string {
  // -0 and 0 differ as text only through Object.is.
  const values = Array.from(data as ArrayLike<number | bigint | string>, (value) =>
    Object.is(value, -0) ? '-0' : String(value),
  )
  return `${type}[${shape.join()}]${values.join()}`
}

function include(
  parts: Parts,
  other: Graph,
  mapping: Readonly<Record<string, string>>,
  start: string,
  tensors: Names,
  nodeNames: Names,
): Record<string, string> {
  const here = new Map(Object.entries(mapping))
  const local = (name: string) => {
    if (name === '') return ''
    const known = here.get(name)
    if (known !== undefined) return known
    const made = tensors.fresh(start + name)
    here.set(name, made)
    return made
  }
  for (const [name, tensor] of other.initializers) if (!here.has(name)) parts.initializers.set(local(name), tensor)
  for (const part of other.nodes) {
    parts.nodes.push({
      ...part,
      name: nodeNames.fresh(start + (part.name || part.op)),
      inputs: part.inputs.map(local),
      outputs: part.outputs.map(local),
      attributes: renameOuter(part.attributes, local),
    })
    if (part.domain) parts.domains.add(part.domain)
  }
  return Object.fromEntries(other.outputs.map(({ name }) => [name, local(name)]))
}

function graphOf(name: string, { nodes, inputs, outputs, initializers }: Parts): Graph {
  return {
    name,
    nodes: [...nodes],
    inputs: [...inputs],
    outputs: [...outputs],
    initializers: new Map(initializers),
  }
}

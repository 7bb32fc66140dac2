import type { Graph, Node } from '../model/model.js'
import { float32, int64, type Tensor } from '../model/tensor.js'

/** Turns Constant nodes into initializers, and gives nameless nodes names to be called by. */
export function inlineConstants(graph: Graph): Graph {
  const initializers = new Map(graph.initializers)
  const nodes = graph.nodes.flatMap((node, i): Node[] => {
    const value = node.op === 'Constant' && node.domain === '' ? constantOf(node) : undefined
    if (value) {
      initializers.set(node.outputs[0]!, value)
      return []
    }
    return [node.name ? node : { ...node, name: `${node.op}_${i}` }]
  })
  return { ...graph, nodes, initializers }
}

function constantOf({ attributes }: Node): Tensor | undefined {
  for (const [name, { kind, value }] of Object.entries(attributes)) {
    if (name === 'value' && kind === 'tensor') return value
    if (name === 'value_float' && kind === 'float') return float32([value], [])
    if (name === 'value_floats' && kind === 'floats') return float32(value)
    if (name === 'value_int' && kind === 'int') return int64([value], [])
    if (name === 'value_ints' && kind === 'ints') return int64(value)
  }
  return undefined
}

import type { Graph } from '../model/model.js'
import { pruned } from '../transform/needed-nodes.js'
import type { Probe } from './probe.js'

/** Replaces whatever the probe found to be constant by its value. */
export function fold(graph: Graph, { values }: Probe): Graph {
  const initializers = new Map(graph.initializers)
  const nodes = graph.nodes.filter((node) => {
    if (!node.outputs.every((output) => output === '' || values.has(output))) return true
    for (const output of node.outputs) {
      const value = values.get(output)
      if (value) initializers.set(output, value)
    }
    return false
  })
  return pruned({ ...graph, nodes, initializers })
}

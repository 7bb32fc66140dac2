import type { Graph, Node } from '@lookalike/onnx'

/** The part of a graph that makes the tensor `output`: the nodes, weights and inputs that it depends on. */
export function neededGraph(graph: Graph, output: string): Graph {
  const needed = new Set([output])
  const nodes: Node[] = []
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue
    nodes.unshift(node)
    for (const name of readBy(node)) needed.add(name)
  }
  const known = graph.outputs.find(({ name }) => name === output)
  return {
    name: graph.name,
    nodes,
    inputs: graph.inputs.filter(({ name }) => needed.has(name)),
    outputs: [known ?? { name: output }],
    initializers: new Map([...graph.initializers].filter(([name]) => needed.has(name))),
  }
}

/** A node's inputs, and what the graphs in its attributes (the branches of an If) read from outside. */
export function readBy(node: Node): string[] {
  const inner = Object.values(node.attributes).flatMap((attribute) =>
    attribute.kind === 'graph' ? attribute.value.nodes.flatMap(readBy) : [],
  )
  return [...node.inputs, ...inner]
}

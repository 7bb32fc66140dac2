import type { Graph, Node } from './model.js'

/** A node's settings with what their inner graphs (the branches of an If) read from outside under its new name. */
export function renameOuter(attributes: Node['attributes'], outer: (name: string) => string): Node['attributes'] {
  if (!Object.values(attributes).some(({ kind }) => kind === 'graph')) return attributes
  return Object.fromEntries(
    Object.entries(attributes).map(([name, attribute]) => [
      name,
      attribute.kind === 'graph' ? { ...attribute, value: renameReads(attribute.value, outer) } : attribute,
    ]),
  )
}

function renameReads(graph: Graph, outer: (name: string) => string): Graph {
  const own = new Set([
    ...graph.inputs.map(({ name }) => name),
    ...graph.initializers.keys(),
    ...graph.nodes.flatMap(({ outputs }) => outputs),
  ])
  const local = (name: string) => (own.has(name) ? name : outer(name))
  return {
    ...graph,
    nodes: graph.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(local),
      attributes: renameOuter(node.attributes, local),
    })),
    outputs: graph.outputs.map((output) => ({ ...output, name: local(output.name) })),
  }
}

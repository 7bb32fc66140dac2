import type { Graph, Node, ValueInfo } from '../model/model.js'

/** Which node makes each tensor. */
export function producers(nodes: readonly Node[]): Map<string, Node> {
  const made = new Map<string, Node>()
  for (const node of nodes) for (const output of node.outputs) if (output) made.set(output, node)
  return made
}

/** All that a node reads, inner graphs included. */
export function readsOf(node: Node): string[] {
  const inner = Object.values(node.attributes).flatMap((attribute) =>
    attribute.kind === 'graph' ? readsOfGraph(attribute.value) : [],
  )
  return [...node.inputs.filter(Boolean), ...inner]
}

function readsOfGraph(graph: Graph): string[] {
  const own = new Set([
    ...graph.inputs.map(({ name }) => name),
    ...graph.initializers.keys(),
    ...graph.nodes.flatMap(({ outputs }) => outputs),
  ])
  return [...graph.nodes.flatMap(readsOf), ...graph.outputs.map(({ name }) => name)].filter((name) => !own.has(name))
}

/** The nodes that `outputs` depend on, in the graph's order, going no further back than `stops`. */
export function neededNodes(
  nodes: readonly Node[],
  outputs: Iterable<string>,
  stops: ReadonlySet<string> = new Set(),
): Node[] {
  const wanted = new Set([...outputs].filter((name) => !stops.has(name)))
  const kept: Node[] = []
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i]!
    if (!node.outputs.some((output) => wanted.has(output))) continue
    kept.push(node)
    for (const name of readsOf(node)) if (!stops.has(name)) wanted.add(name)
  }
  return kept.reverse()
}

/**
 * The part of a graph between tensors: from `inputs`, which are fed from now on, to `outputs`. Inputs of the whole graph that the part
 * still reads stay its inputs, behind those.
 */
export function cutGraph(graph: Graph, inputs: readonly ValueInfo[], outputs: readonly ValueInfo[]): Graph {
  const fed = new Set(inputs.map(({ name }) => name))
  const names = outputs.map(({ name }) => name)
  const nodes = neededNodes(graph.nodes, names, fed)
  const read = new Set([...nodes.flatMap(readsOf), ...names])
  const isRead = (name: string) => read.has(name) && !fed.has(name)
  return {
    ...graph,
    nodes,
    inputs: [...inputs, ...graph.inputs.filter(({ name }) => isRead(name))],
    outputs,
    initializers: new Map([...graph.initializers].filter(([name]) => isRead(name))),
  }
}

/** A graph without the nodes and initializers that nothing needs. */
export function pruned(graph: Graph): Graph {
  return { ...cutGraph(graph, [], graph.outputs), inputs: graph.inputs }
}

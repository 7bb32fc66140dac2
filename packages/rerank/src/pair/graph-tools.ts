import type { Graph, Node, OnnxModel, Tensor, ValueInfo } from '@lookalike/onnx'
import { createSession, cutGraph, float32, readsOf, sizeOf } from '@lookalike/onnx'

/** A model whose Constant nodes are initializers, so that weights and positions have one form. */
export function withoutConstantNodes(model: OnnxModel): OnnxModel {
  const initializers = new Map<string, Tensor>(model.graph.initializers)
  const nodes = model.graph.nodes.filter(({ op, attributes, outputs }) => {
    const value = attributes['value']
    if (op !== 'Constant' || value?.kind !== 'tensor') return true
    initializers.set(outputs[0]!, value.value)
    return false
  })
  return { ...model, graph: { ...model.graph, nodes, initializers } }
}

/**
 * The tensors that everything between the graph's input and `output` goes through, in the graph's order. What is read off a shape alone
 * does not count as going through.
 */
export function bottlenecks(graph: Graph, output: string): string[] {
  const part = cutGraph(graph, [], [{ name: output }])
  const flowing = new Set(part.inputs.map(({ name }) => name))
  const carriers = part.nodes.map(
    (node) =>
      node.op !== 'Shape' &&
      node.op !== 'Size' &&
      readsOf(node).some((name) => flowing.has(name)) &&
      (node.outputs.forEach((name) => name && flowing.add(name)), true),
  )
  const lastRead = new Map<string, number>([[output, Infinity]])
  part.nodes.forEach((node, i) => {
    if (carriers[i]) for (const name of readsOf(node)) if (flowing.has(name) && name !== output) lastRead.set(name, i)
  })
  const live = new Set(part.inputs.map(({ name }) => name))
  const found: string[] = []
  part.nodes.forEach((node, i) => {
    if (!carriers[i]) return
    for (const name of node.outputs) if (lastRead.has(name)) live.add(name)
    for (const name of live) if (lastRead.get(name)! <= i) live.delete(name)
    if (live.size === 1) {
      const [only] = live
      if (only !== undefined && found.at(-1) !== only) found.push(only)
    }
  })
  return found
}

/** The shapes of tensors inside a model, seen by running it on zeros of the given shape. */
export async function shapesInside(
  model: OnnxModel,
  shape: readonly number[],
  names: readonly string[],
): Promise<Map<string, readonly number[]>> {
  const { graph } = model
  const input = graph.inputs[0]!.name
  const shapeName = (name: string) => `shape of ${name}`
  const nodes = names.map(
    (name): Node => ({
      name: shapeName(name),
      op: 'Shape',
      domain: '',
      inputs: [name],
      outputs: [shapeName(name)],
      attributes: {},
    }),
  )
  const outputs = names.map((name): ValueInfo => ({ name: shapeName(name), type: 'int64' }))
  const session = await createSession(
    { ...model, graph: { ...graph, nodes: [...graph.nodes, ...nodes], outputs } },
    { optimisation: 'basic', threads: 1 },
  )
  try {
    const results = await session.run({ [input]: float32(new Float32Array(sizeOf(shape)), shape) })
    return new Map(names.map((name) => [name, Array.from(results[shapeName(name)]!.data as BigInt64Array, Number)]))
  } finally {
    await session.dispose()
  }
}

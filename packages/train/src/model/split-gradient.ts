import type { GradientModel, Graph, Node, OnnxModel, Tensor } from '@lookalike/onnx'

/** A gradient graph cut in two, so that a loss outside can stand between forward and backward without computing forward twice. */
export interface SplitGradient {
  /** The model's outputs, and the tensors that `backward` needs. */
  readonly forward: OnnxModel
  /** The gradients, from the tensors of `forward` and the gradients of its outputs. `given`: what `forward` gave, for the types. */
  backward(given: Readonly<Record<string, Tensor>>): OnnxModel
}

/** Only what the outputs need goes into the forward half: what merely prepares the backward pass is computed there, not kept. */
export function splitGradient({ model, forward }: GradientModel): SplitGradient {
  const { graph } = model
  const outputs = forward.graph.outputs
  const gradients = graph.outputs.filter(({ name }) => !outputs.some((output) => output.name === name))
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  const first = new Set<Node>()
  const visit = (name: string) => {
    const node = producers.get(name)
    if (!node || first.has(node)) return
    first.add(node)
    node.inputs.forEach(visit)
  }
  outputs.forEach(({ name }) => visit(name))

  const before = graph.nodes.filter((node) => first.has(node))
  const after = graph.nodes.filter((node) => !first.has(node))
  const made = new Set(before.flatMap((node) => node.outputs))
  const kept = new Set(
    [...after.flatMap(({ inputs }) => inputs), ...gradients.map(({ name }) => name)].filter((name) => made.has(name)),
  )
  const half = (nodes: readonly Node[], results: Graph['outputs'], further: Graph['inputs']): OnnxModel => {
    const used = new Set(nodes.flatMap(({ inputs }) => inputs))
    return {
      ...model,
      graph: {
        ...graph,
        nodes,
        inputs: [...graph.inputs, ...further].filter(({ name }) => used.has(name)),
        outputs: results,
        initializers: new Map([...graph.initializers].filter(([name]) => used.has(name))),
      },
    }
  }
  return {
    forward: half(
      before,
      [
        ...outputs,
        ...[...kept].filter((name) => !outputs.some((output) => output.name === name)).map((name) => ({ name })),
      ],
      [],
    ),
    backward: (given) =>
      half(
        after,
        gradients,
        [...kept].map((name) => ({ name, type: given[name]!.type, shape: given[name]!.shape })),
      ),
  }
}

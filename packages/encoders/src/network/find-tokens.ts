import type { Graph, Node } from '@lookalike/onnx'

/**
 * The tokens behind a classifier: going back from `output`, the first tensor that is cut along its second axis, as the class token is
 * taken out of `[N, tokens, dim]`. Undefined where there is none.
 */
export function findTokens(graph: Graph, output: string): string | undefined {
  const makers = new Map<string, Node>(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  const seen = new Set<string>()
  let names = [output]
  while (names.length > 0) {
    const next: string[] = []
    for (const name of names) {
      const node = makers.get(name)
      if (!node || seen.has(name)) continue
      seen.add(name)
      if (takesToken(node)) return node.inputs[0]
      next.push(...node.inputs)
    }
    names = next
  }
  return undefined
}

function takesToken({ op, attributes }: Node): boolean {
  const axis = attributes['axis']
  return op === 'Gather' && axis?.kind === 'int' && axis.value === 1
}

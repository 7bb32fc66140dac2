import type { Graph, Node } from '../model/model.js'
import { int64, type Tensor } from '../model/tensor.js'

/**
 * Products with a vector as products with a matrix of one column or row. The runtime (1.30) turns the product of a transposed tensor and a
 * vector into one of its fused products, which takes the vector for something else; and the gradient is a product of matrices anyway.
 */
export function raiseVectors(graph: Graph, opset: number): Graph {
  const rankOf = (name: string) => graph.initializers.get(name)?.shape.length
  if (!graph.nodes.some((node) => isProduct(node) && node.inputs.some((name) => rankOf(name) === 1))) return graph
  const transposed = new Set(graph.nodes.flatMap(({ op, outputs }) => (op === 'Transpose' ? outputs : [])))
  const initializers = new Map<string, Tensor>(graph.initializers)
  const shaped = (name: string, op: 'Squeeze' | 'Unsqueeze', input: string, output: string, axis: number): Node => {
    const axes = `${output} axes`
    if (opset >= 13) initializers.set(axes, int64([axis]))
    return {
      name: `${name}/${op}`,
      op,
      domain: '',
      inputs: opset >= 13 ? [input, axes] : [input],
      outputs: [output],
      attributes: opset >= 13 ? {} : { axes: { kind: 'ints', value: [axis] } },
    }
  }
  const nodes = graph.nodes.flatMap((node): Node[] => {
    const [a, b] = node.inputs as [string, string]
    // Of what stands behind a vector only this is sure to be a matrix.
    const [row, column] = [rankOf(a) === 1 && transposed.has(b), rankOf(b) === 1]
    if (!isProduct(node) || row === column) return [node]
    const output = node.outputs[0]!
    const [vector, matrix, product] = [row ? a : b, `${output} (vector)`, `${output} (product)`]
    return [
      shaped(node.name, 'Unsqueeze', vector, matrix, row ? 0 : 1),
      { ...node, inputs: row ? [matrix, b] : [a, matrix], outputs: [product] },
      shaped(node.name, 'Squeeze', product, output, row ? -2 : -1),
    ]
  })
  return { ...graph, nodes, initializers }
}

const isProduct = ({ op, domain }: Node) => op === 'MatMul' && domain === ''

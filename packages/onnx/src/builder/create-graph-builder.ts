import { createNodeBuilder } from './create-node-builder.js'
import type { GraphBuilderOptions, NodeBuilder } from './node-builder.js'
import { createOperators, type Operators } from './operators.js'

export type GraphBuilder = NodeBuilder & Operators

/**
 * Builds a graph node by node. Methods take and return names of tensors.
 *
 * @throws `onnx/opset` for a version before 7; `onnx/name` when two tensors get the same name.
 * @example
 * const g = createGraphBuilder({ opset: 17 })
 * const x = g.input('x', 'float32', ['N', 3])
 * const w = g.initializer('w', float32([1, 2, 3, 4, 5, 6], [3, 2]))
 * g.output(g.relu(g.matMul(x, w)), 'y')
 * const model = g.build()
 */
export function createGraphBuilder(options: GraphBuilderOptions = {}): GraphBuilder {
  const builder = createNodeBuilder(options)
  return { ...builder, ...createOperators(builder) }
}

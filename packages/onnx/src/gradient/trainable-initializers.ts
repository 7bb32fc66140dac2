import type { Node, OnnxModel } from '../model/model.js'
import { neededNodes } from '../transform/needed-nodes.js'
import { inlineConstants } from './inline-constants.js'

/** Inputs that set an operator up: shapes, bounds, statistics. Whatever else is a float constant may be a weight. */
const SETTINGS: Readonly<Record<string, readonly number[]>> = {
  Clip: [1, 2],
  Pad: [1, 2, 3],
  Resize: [1, 2, 3],
  BatchNormalization: [3, 4],
  Dropout: [1, 2],
  OneHot: [0, 1, 2],
  Range: [0, 1, 2],
  QuantizeLinear: [1, 2],
  DequantizeLinear: [0, 1, 2],
  Slice: [1, 2, 3, 4],
  Equal: [0, 1],
  Less: [0, 1],
  Greater: [0, 1],
}
/** Through these a single number is an epsilon, a temperature or a share, not a weight. */
const ARITHMETIC = new Set([
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Pow',
  'Max',
  'Min',
  'Where',
  'Sum',
  'Mean',
  'Expand',
  'Cast',
  'Identity',
])

/** The names of a model's trained weights: its float32 constants, but for statistics, bounds and single numbers in formulas. */
export function trainableInitializers(
  model: OnnxModel,
  outputs: readonly string[] = model.graph.outputs.map(({ name }) => name),
): string[] {
  const graph = inlineConstants(model.graph)
  const uses = new Map<string, { node: Node; input: number }[]>()
  for (const node of neededNodes(graph.nodes, outputs)) {
    node.inputs.forEach((name, input) => {
      if (graph.initializers.has(name)) uses.set(name, [...(uses.get(name) ?? []), { node, input }])
    })
  }
  return [...uses].flatMap(([name, all]) => {
    const tensor = graph.initializers.get(name)!
    if (tensor.type !== 'float32' || tensor.data.length === 0) return []
    const weight = all.some(
      ({ node, input }) => !SETTINGS[node.op]?.includes(input) && (tensor.data.length > 1 || !ARITHMETIC.has(node.op)),
    )
    return weight ? [name] : []
  })
}

import type { Node, OnnxModel } from '../model/model.js'
import { neededNodes } from '../transform/needed-nodes.js'
import { inlineConstants } from './inline-constants.js'

export interface QuantisedWeight {
  readonly name: string
  /** Element type that it is stored in. */
  readonly type: string
  /** The node that reads it. */
  readonly node: Node
}

/** Which input of an operator holds 8-bit (or narrower) weights. */
const STORED: Readonly<Record<string, number>> = {
  DequantizeLinear: 0,
  MatMulInteger: 1,
  ConvInteger: 1,
  QLinearMatMul: 3,
  QLinearConv: 3,
  DynamicQuantizeMatMul: 1,
  MatMulIntegerToFloat: 1,
  MatMulNBits: 1,
  QGemm: 3,
}

/** A model's weights that are stored as small integers: training leaves them as they are. */
export function quantisedWeights(
  model: OnnxModel,
  outputs: readonly string[] = model.graph.outputs.map(({ name }) => name),
): QuantisedWeight[] {
  const graph = inlineConstants(model.graph)
  return neededNodes(graph.nodes, outputs).flatMap((node) => {
    const name = node.inputs[STORED[node.op] ?? -1] ?? ''
    const type = graph.initializers.get(name)?.type
    return type === undefined || type === 'float32' ? [] : [{ name, type, node }]
  })
}

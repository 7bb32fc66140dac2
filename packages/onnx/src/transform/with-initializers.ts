import { LookalikeError } from '@lookalike/core'
import type { OnnxModel } from '../model/model.js'
import type { Tensor } from '../model/tensor.js'

/**
 * The model with other values for some of its weights, also for those that an exporter put into Constant nodes.
 *
 * @throws `onnx/weight` for unknown names and for another type or shape.
 */
export function withInitializers(model: OnnxModel, values: Iterable<readonly [string, Tensor]>): OnnxModel {
  const { graph } = model
  const initializers = new Map(graph.initializers)
  const constants = new Map(graph.nodes.filter(({ op }) => op === 'Constant').map((node) => [node.outputs[0]!, node]))
  const replaced = new Set<string>()
  for (const [name, tensor] of values) {
    const attribute = constants.get(name)?.attributes['value']
    const old = initializers.get(name) ?? (attribute?.kind === 'tensor' ? attribute.value : undefined)
    if (!old || old.type !== tensor.type || old.shape.join() !== tensor.shape.join()) {
      throw new LookalikeError(
        'onnx/weight',
        {
          problem: old
            ? `The weight ${name} came as ${tensor.type} [${tensor.shape.join(', ')}]`
            : `The model has no weight ${name}`,
          expected: old && `${old.type} [${old.shape.join(', ')}]`,
        },
        { fields: { name } },
      )
    }
    if (constants.has(name)) replaced.add(name)
    initializers.set(name, tensor)
  }
  return {
    ...model,
    graph: { ...graph, initializers, nodes: graph.nodes.filter((node) => !replaced.has(node.outputs[0]!)) },
  }
}

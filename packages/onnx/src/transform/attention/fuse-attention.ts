import type { Probe } from '../../gradient/probe.js'
import type { Node, OnnxModel } from '../../model/model.js'
import type { Tensor } from '../../model/tensor.js'
import { producers, pruned } from '../needed-nodes.js'
import { findAttentions } from './find-attentions.js'
import { type Fused, fuse } from './fuse.js'

/**
 * The model with each multi-head attention as one node of onnxruntime (`com.microsoft`), which saves the copies between its parts. The
 * results are the same but for rounding. For running on the CPU: such a node has no gradient.
 *
 * Fused is softmax(scale q k^T + bias) v, where the bias (masks, relative positions) depends on no pixels. Where queries, keys and values
 * are products of the same tokens with constant weights, the node is an `Attention` that makes them itself; otherwise (rotary positions,
 * normalised queries, tokens of a probe) a `MultiHeadAttention`. Left as they are: biases that depend on pixels or differ between images,
 * tokens that may look at none, and what is done to the weights before they are used (mixing between heads).
 *
 * @param seen Of a run with two images or more, unless the model takes one at a time. The result is for inputs of this size, in any number.
 * @example
 * const pixels = float32(new Float32Array(2 * 3 * 224 * 224), [2, 3, 224, 224])
 * const session = await createSession(await fuseAttention(model, await probe(model, { pixel_values: pixels })))
 */
export async function fuseAttention(model: OnnxModel, seen: Probe): Promise<OnnxModel> {
  const { graph } = model
  if (!graph.nodes.some(({ op }) => op === 'Softmax') || isSingle(model, seen)) return model
  const batch = seen.shapes.get(graph.inputs[0]?.name ?? '')?.[0] ?? 1
  const fused = new Map<string, Fused>()
  for (const attention of findAttentions(graph, seen)) {
    const parts = await fuse(model, attention, seen, batch)
    if (parts) fused.set(parts.result, parts)
  }
  const replaced = () => {
    const initializers = new Map<string, Tensor>(graph.initializers)
    for (const parts of fused.values()) for (const [name, tensor] of parts.initializers) initializers.set(name, tensor)
    const nodes = graph.nodes.flatMap((node): readonly Node[] => fused.get(node.outputs[0]!)?.nodes ?? [node])
    return pruned({ ...graph, initializers, nodes })
  }
  // Where something else reads a part of it, all would be computed twice.
  const stillMade = producers(replaced().nodes)
  for (const { result, instead } of fused.values()) {
    if (instead.some((name) => stillMade.has(name))) fused.delete(result)
  }
  return fused.size === 0 ? model : { ...model, opset: { ...model.opset, 'com.microsoft': 1 }, graph: replaced() }
}

/** Of one image it cannot be told which dimension is that of the images. */
function isSingle({ graph }: OnnxModel, { shapes }: Probe): boolean {
  return graph.inputs.some(({ name, shape }) => shapes.get(name)?.[0] === 1 && shape?.[0] !== 1)
}

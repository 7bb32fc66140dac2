import { float32, type Node, type OnnxModel, type Tensor } from '@lookalike/onnx'
import { float16ToFloat32, float32ToFloat16 } from '../weights/half-precision.js'

const FLOAT32 = 1

/**
 * The same network with its large float weights stored in half precision, each behind a Cast: half the file, computed in single
 * precision. Weights that half precision cannot hold, beyond 65,504, stay as they are.
 */
export function toHalfWeights(model: OnnxModel): OnnxModel {
  const initializers = new Map<string, Tensor>()
  const casts: Node[] = []
  for (const [name, tensor] of model.graph.initializers) {
    const halves = tensor.type === 'float32' && tensor.data.length >= 64 ? float32ToFloat16(tensor.data) : undefined
    if (!halves || halves.some((half) => (half & 0x7c00) === 0x7c00)) {
      initializers.set(name, tensor)
      continue
    }
    initializers.set(`${name}.half`, { type: 'float16', shape: tensor.shape, data: halves })
    const attributes = { to: { kind: 'int', value: FLOAT32 } } as const
    casts.push({ name: `${name}.cast`, op: 'Cast', domain: '', inputs: [`${name}.half`], outputs: [name], attributes })
  }
  return { ...model, graph: { ...model.graph, initializers, nodes: [...casts, ...model.graph.nodes] } }
}

/** Undoes {@link toHalfWeights}: weights in single precision under their own names, which training can change. */
export function toFullWeights(model: OnnxModel): OnnxModel {
  const { graph } = model
  const initializers = new Map(graph.initializers)
  const folded = new Set<string>()
  const nodes = graph.nodes.filter((node) => {
    const half = node.op === 'Cast' && isTo(node, FLOAT32) ? graph.initializers.get(node.inputs[0]!) : undefined
    if (half?.type !== 'float16') return true
    initializers.set(node.outputs[0]!, float32(float16ToFloat32(half.data), half.shape))
    folded.add(node.inputs[0]!)
    return false
  })
  for (const node of nodes) for (const input of node.inputs) folded.delete(input)
  for (const name of folded) initializers.delete(name)
  return { ...model, graph: { ...graph, nodes, initializers } }
}

function isTo({ attributes }: Node, type: number): boolean {
  const { to } = attributes
  return to?.kind === 'int' && to.value === type
}

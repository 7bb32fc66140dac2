import { type Attribute, float32, type Graph, type OnnxModel, type Tensor, type ValueInfo } from '@lookalike/onnx'

const [FLOAT32, FLOAT64] = [1, 11]

/** The model computed in single precision throughout, for which the runtime has kernels: for doubles it has few. */
export function toSingle(model: OnnxModel): OnnxModel {
  return { ...model, graph: singleGraph(model.graph) }
}

function singleGraph(graph: Graph): Graph {
  return {
    ...graph,
    inputs: graph.inputs.map(singleInfo),
    outputs: graph.outputs.map(singleInfo),
    initializers: new Map(Array.from(graph.initializers, ([name, tensor]) => [name, singleTensor(tensor)])),
    nodes: graph.nodes.map((node) => ({
      ...node,
      attributes: Object.fromEntries(
        Object.entries(node.attributes).map(([name, value]) => [name, singleAttribute(name, value)]),
      ),
    })),
  }
}

function singleInfo(info: ValueInfo): ValueInfo {
  return info.type === 'float64' ? { ...info, type: 'float32' } : info
}

function singleTensor(tensor: Tensor): Tensor {
  return tensor.type === 'float64' ? float32(Float32Array.from(tensor.data), tensor.shape) : tensor
}

function singleAttribute(name: string, attribute: Attribute): Attribute {
  if (attribute.kind === 'tensor') return { ...attribute, value: singleTensor(attribute.value) }
  if (attribute.kind === 'graph') return { ...attribute, value: singleGraph(attribute.value) }
  // Cast says the type that it makes in `to`, generators in `dtype`.
  const isType = attribute.kind === 'int' && (name === 'to' || name === 'dtype') && attribute.value === FLOAT64
  return isType ? { kind: 'int', value: FLOAT32! } : attribute
}

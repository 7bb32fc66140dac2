import { LookalikeError } from '@lookalike/core'
import { elementTypeNumber } from './element-types.js'
import type { Attribute, Graph, Node, OnnxModel, ValueInfo } from './model.js'
import {
  type AttributeMessage,
  attributeProto,
  modelProto,
  type NodeMessage,
  type TensorMessage,
} from './onnx-schema.js'
import type { Tensor } from './tensor.js'

/** A protobuf message cannot be larger. */
const LIMIT = 2 ** 31 - 1

/**
 * The bytes of a model's file.
 *
 * @throws `onnx/too-large` for models beyond ONNX's limit of 2 GB for one file.
 */
export function writeModel(model: OnnxModel): Uint8Array {
  const weights = [...model.graph.initializers.values()].reduce(
    (sum, { data }) => sum + ('byteLength' in data ? data.byteLength : 0),
    0,
  )
  if (weights > LIMIT) {
    throw new LookalikeError(
      'onnx/too-large',
      {
        problem: `The model holds ${(weights / 2 ** 30).toFixed(1)} GB of weights`,
        expected: 'at most 2 GB, the limit of an ONNX file',
        fix: 'Store the weights in half precision (toHalf) or in 8 bits (toInt8).',
      },
      { fields: { bytes: weights } },
    )
  }
  const message = {
    irVersion: model.irVersion,
    producerName: model.producer,
    graph: encodeGraph(model.graph),
    opsetImport: Object.entries(model.opset).map(([domain, version]) => ({ domain, version })),
    metadataProps: Object.entries(model.metadata).map(([key, value]) => ({ key, value })),
    functions: model.functions,
  }
  return modelProto.encode(message).finish()
}

function encodeGraph(graph: Graph): Record<string, unknown> {
  return {
    node: graph.nodes.map(encodeNode),
    name: graph.name || 'graph',
    initializer: Array.from(graph.initializers, ([name, tensor]) => ({ name, ...encodeTensor(tensor) })),
    input: graph.inputs.map(encodeValueInfo),
    output: graph.outputs.map(encodeValueInfo),
  }
}

function encodeNode(node: Node): NodeMessage {
  return {
    input: [...node.inputs],
    output: [...node.outputs],
    name: node.name,
    opType: node.op,
    attribute: Object.entries(node.attributes).map(([name, attribute]) => encodeAttribute(name, attribute)),
    domain: node.domain,
  }
}

function encodeAttribute(name: string, attribute: Attribute): Uint8Array {
  if (attribute.kind === 'encoded') return attribute.value
  return attributeProto.encode(attributeMessage(name, attribute)).finish()
}

function attributeMessage(
  name: string,
  attribute: Exclude<Attribute, { kind: 'encoded' }>,
): Partial<Record<keyof AttributeMessage, unknown>> {
  const bytes = (text: string) => Buffer.from(text, 'utf8')
  switch (attribute.kind) {
    case 'float':
      return { name, type: 1, f: attribute.value }
    case 'int':
      return { name, type: 2, i: attribute.value }
    case 'string':
      return { name, type: 3, s: bytes(attribute.value) }
    case 'tensor':
      return { name, type: 4, t: encodeTensor(attribute.value) }
    case 'graph':
      return { name, type: 5, g: encodeGraph(attribute.value) }
    case 'floats':
      return { name, type: 6, floats: attribute.value }
    case 'ints':
      return { name, type: 7, ints: attribute.value }
    case 'strings':
      return { name, type: 8, strings: attribute.value.map(bytes) }
  }
}

function encodeTensor(tensor: Tensor): TensorMessage {
  const head = { dims: [...tensor.shape], dataType: elementTypeNumber(tensor.type) }
  if (tensor.type === 'string') return { ...head, stringData: tensor.data.map((text) => Buffer.from(text, 'utf8')) }
  return { ...head, rawData: new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength) }
}

function encodeValueInfo({ name, type, shape }: ValueInfo): Record<string, unknown> {
  if (!type) return { name }
  const dim = shape?.map((value) =>
    typeof value === 'number' ? { dimValue: value } : value === null ? {} : { dimParam: value },
  )
  return { name, type: { tensorType: { elemType: elementTypeNumber(type), ...(dim && { shape: { dim } }) } } }
}

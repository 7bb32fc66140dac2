import { concat, LookalikeError } from '@lookalike/core'
import { bytesOf, elementTypeNumber } from './element-types.js'
import { type FilePart, filePartOf, LARGE, rawBytes } from './lazy-tensor.js'
import type { Attribute, Graph, Node, OnnxModel, ValueInfo } from './model.js'
import {
  type AttributeMessage,
  attributeProto,
  graphProto,
  modelProto,
  type NodeMessage,
  type TensorMessage,
  tensorProto,
} from './onnx-schema.js'
import { sizeOf, type Tensor } from './tensor.js'
import { utf8Bytes } from './utf8.js'

/** A protobuf message cannot be larger. */
const LIMIT = 2 ** 31 - 1

/**
 * The bytes of a model's file.
 *
 * @throws `onnx/too-large` for models beyond ONNX's limit of 2 GB for one file.
 */
export function writeModel(model: OnnxModel): Uint8Array {
  return concat([new Uint8Array(), ...fitting(modelParts(model))])
}

/** @throws `onnx/too-large` where the pieces do not fit one file. */
export function* fitting(parts: Iterable<Uint8Array>): Generator<Uint8Array> {
  let bytes = 0
  for (const part of parts) {
    bytes += part.length
    if (bytes > LIMIT) throw tooLarge()
    yield part
  }
}

/** The bytes of a model, with large weights referred to instead of copied: those in files of one folder, and those that are lent. */
export interface Referring {
  readonly bytes: Uint8Array
  /** Where the files lie; undefined where there are none. */
  readonly folder: string | undefined
  /** Weights in memory, by the names of files that do not exist. Only where there is no folder. */
  readonly lent: readonly { readonly path: string; readonly data: Uint8Array }[]
}

/**
 * @param lends whether the runtime takes weights from memory beside the model
 * @throws `onnx/too-large` where what must be copied is too large
 */
export function referTo(model: OnnxModel, lends: boolean): Referring {
  const sizes = new Map<string, number>()
  for (const tensor of model.graph.initializers.values()) {
    const part = referable(tensor)
    if (part) sizes.set(part.folder, (sizes.get(part.folder) ?? 0) + part.length)
  }
  const [folder] = [...sizes].sort((a, b) => b[1] - a[1])[0] ?? []
  const lent: { path: string; data: Uint8Array }[] = []
  const partOf = (tensor: Tensor): Location | undefined => {
    const part = referable(tensor)
    if (part && part.folder === folder) return part
    // The runtime takes them from files or from memory, not from both.
    if (
      !lends ||
      folder !== undefined ||
      tensor.type === 'string' ||
      sizeOf(tensor.shape) * bytesOf(tensor.type) < LARGE
    )
      return undefined
    const data = rawBytes(tensor)
    const path = `weights in memory ${lent.length}`
    lent.push({ path, data })
    return { location: path, offset: 0, length: data.length }
  }
  return { bytes: concat([new Uint8Array(), ...fitting(modelParts(model, partOf))]), folder, lent }
}

type Location = Pick<FilePart, 'location' | 'offset' | 'length'>

/** What the runtime can read in place: values at addresses that fit their type. */
function referable(tensor: Tensor): FilePart | undefined {
  const part = filePartOf(tensor)
  return part && part.offset % bytesOf(tensor.type) === 0 ? part : undefined
}

/**
 * The bytes of a model's file piece by piece, each weight a view of its values, so that a large model is hashed or saved without being
 * held twice. Weights of which `partOf` knows another place are referred to. Of a model beyond 2 GB the pieces make no file.
 */
export function* modelParts(
  model: OnnxModel,
  partOf: (tensor: Tensor) => Location | undefined = () => undefined,
): Generator<Uint8Array> {
  const { graph } = model
  const tensors = Array.from(graph.initializers, ([name, tensor]) => frameTensor(name, tensor, partOf(tensor)))
  const head = graphProto.encode({ node: graph.nodes.map(encodeNode), name: graph.name || 'graph' }).finish()
  const ends = { input: graph.inputs.map(encodeValueInfo), output: graph.outputs.map(encodeValueInfo) }
  const tail = graphProto.encode(ends).finish()
  const size = tensors.reduce((sum, tensor) => sum + tensor.size, head.length + tail.length)
  yield modelProto.encode({ irVersion: model.irVersion, producerName: model.producer }).finish()
  yield Uint8Array.from([GRAPH, ...varint(size)])
  yield head
  for (const { start, data } of tensors) {
    yield start
    if (data) yield data()
  }
  yield tail
  const opsetImport = Object.entries(model.opset).map(([domain, version]) => ({ domain, version }))
  const metadataProps = Object.entries(model.metadata).map(([key, value]) => ({ key, value }))
  yield modelProto.encode({ opsetImport, metadataProps, functions: model.functions }).finish()
}

/** Tags of fields that are framed here: their number and that a length follows. */
const [GRAPH, INITIALIZER, RAW_DATA] = [(7 << 3) | 2, (5 << 3) | 2, (9 << 3) | 2] as const

interface FramedTensor {
  readonly start: Uint8Array
  /** What follows the start. */
  readonly data: (() => Uint8Array) | undefined
  /** Bytes in all. */
  readonly size: number
}

function frameTensor(name: string, tensor: Tensor, part: Location | undefined): FramedTensor {
  const inside = tensor.type !== 'string' && part === undefined
  const message = inside
    ? { dims: [...tensor.shape], dataType: elementTypeNumber(tensor.type), name }
    : { name, ...(part ? reference(tensor, part) : encodeTensor(tensor)) }
  const head = tensorProto.encode(message).finish()
  const length = inside ? sizeOf(tensor.shape) * bytesOf(tensor.type) : 0
  const raw = inside ? [RAW_DATA, ...varint(length)] : []
  const inner = head.length + raw.length + length
  const start = concat([Uint8Array.from([INITIALIZER, ...varint(inner)]), head, Uint8Array.from(raw)])
  return {
    start,
    data: inside ? () => rawBytes(tensor) : undefined,
    size: start.length + length,
  }
}

function reference(tensor: Tensor, { location, offset, length }: Location): TensorMessage {
  return {
    dims: [...tensor.shape],
    dataType: elementTypeNumber(tensor.type),
    externalData: [
      { key: 'location', value: location },
      { key: 'offset', value: String(offset) },
      { key: 'length', value: String(length) },
    ],
    dataLocation: 1,
  }
}

/** A whole number in protobuf's form: seven bits a byte, the lowest first. */
function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  return [...bytes, rest]
}

function tooLarge(): LookalikeError {
  return new LookalikeError(
    'onnx/too-large',
    {
      problem: 'The model would be a file of more than 2 GB',
      expected: 'at most 2 GB, the limit of an ONNX file',
      fix: 'Store the weights in half precision (toHalf) or in 8 bits (toInt8).',
    },
    { fields: { limit: LIMIT } },
  )
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
  switch (attribute.kind) {
    case 'float':
      return { name, type: 1, f: attribute.value }
    case 'int':
      return { name, type: 2, i: attribute.value }
    case 'string':
      return { name, type: 3, s: utf8Bytes(attribute.value) }
    case 'tensor':
      return { name, type: 4, t: encodeTensor(attribute.value) }
    case 'graph':
      return { name, type: 5, g: encodeGraph(attribute.value) }
    case 'floats':
      return { name, type: 6, floats: attribute.value }
    case 'ints':
      return { name, type: 7, ints: attribute.value }
    case 'strings':
      return { name, type: 8, strings: attribute.value.map(utf8Bytes) }
  }
}

function encodeTensor(tensor: Tensor): TensorMessage {
  const head = { dims: [...tensor.shape], dataType: elementTypeNumber(tensor.type) }
  if (tensor.type === 'string') return { ...head, stringData: tensor.data.map(utf8Bytes) }
  return { ...head, rawData: rawBytes(tensor) }
}

function encodeValueInfo({ name, type, shape }: ValueInfo): Record<string, unknown> {
  if (!type) return { name }
  const dim = shape?.map((value) =>
    typeof value === 'number' ? { dimValue: value } : value === null ? {} : { dimParam: value },
  )
  return { name, type: { tensorType: { elemType: elementTypeNumber(type), shape: dim && { dim } } } }
}

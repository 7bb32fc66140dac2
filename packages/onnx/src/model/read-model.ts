import { isLookalikeError, LookalikeError } from '@lookalike/core'
import { decodeTensor, type ReadExternal } from './decode-tensor.js'
import { elementType } from './element-types.js'
import type { Attribute, Graph, Node, OnnxModel, ValueInfo } from './model.js'
import { notWhole } from './not-whole.js'
import {
  type AttributeMessage,
  attributeProto,
  type GraphMessage,
  longToNumber,
  type ModelMessage,
  modelProto,
  type NodeMessage,
  type ValueInfoMessage,
} from './onnx-schema.js'
import type { Tensor } from './tensor.js'
import { utf8Text } from './utf8.js'

export interface ReadOptions {
  /** Named in errors. */
  readonly source?: string | undefined
  /** How to get tensors that lie in files of their own; {@link loadModel} brings one. */
  readonly readExternal?: ReadExternal | undefined
}

/**
 * Reads an ONNX model from the bytes of its file.
 *
 * @throws `onnx/empty`, `onnx/not-onnx` (other or truncated files), `onnx/tensor-type`, `onnx/tensor-size`, `onnx/external-data`.
 * @example
 * const model = readModel(await readFile('model.onnx'))
 */
export function readModel(bytes: Uint8Array, options: ReadOptions = {}): OnnxModel {
  const source = options.source ?? 'The given bytes'
  if (bytes.length === 0) {
    throw new LookalikeError(
      'onnx/empty',
      { problem: `${source} is empty`, expected: 'an ONNX model', fix: 'Export or download the model again.' },
      { fields: { source } },
    )
  }
  try {
    return decodeModel(bytes, source, options.readExternal ?? refuseExternal(source))
  } catch (cause) {
    throw isLookalikeError(cause) ? cause : notWhole(source, bytes, cause)
  }
}

function decodeModel(bytes: Uint8Array, source: string, readExternal: ReadExternal): OnnxModel {
  const message = modelProto.decode(bytes) as unknown as ModelMessage
  const { graph } = message
  if (!graph || message.opsetImport.length === 0 || !message.irVersion) throw notWhole(source, bytes)
  return {
    irVersion: longToNumber(message.irVersion),
    opset: Object.fromEntries(
      message.opsetImport.map(({ domain, version }) => [standardDomain(domain), longToNumber(version)]),
    ),
    producer: [message.producerName, message.producerVersion].filter(Boolean).join(' '),
    graph: decodeGraph(graph, readExternal),
    metadata: Object.fromEntries(message.metadataProps.map(({ key, value }) => [key, value ?? ''])),
    functions: (message.functions ?? []).map((encoded) => Uint8Array.from(encoded)),
  }
}

function refuseExternal(source: string): ReadExternal {
  return ({ location }) => {
    throw new LookalikeError(
      'onnx/external-data',
      {
        problem: `${source} keeps weights in a second file, ${location}`,
        expected: 'one file',
        fix: 'Give the path of the model instead of its bytes, with the second file beside it.',
      },
      { fields: { source, location } },
    )
  }
}

/** ONNX's own operators may go by two names. */
function standardDomain(domain: string | undefined): string {
  return domain === undefined || domain === 'ai.onnx' ? '' : domain
}

function decodeGraph(message: GraphMessage, readExternal: ReadExternal): Graph {
  if (message.sparseInitializer?.length) {
    throw new LookalikeError('onnx/tensor-type', {
      problem: 'The model holds sparse weights, which cannot be read here',
      fix: 'Export the model again with dense weights.',
    })
  }
  const initializers = new Map<string, Tensor>(
    message.initializer.map((tensor) => [tensor.name ?? '', decodeTensor(tensor, readExternal)]),
  )
  return {
    name: message.name ?? '',
    nodes: message.node.map((node) => decodeNode(node, readExternal)),
    // Before IR version 4 every initializer was an input too.
    inputs: message.input.filter(({ name }) => !initializers.has(name)).map(decodeValueInfo),
    outputs: message.output.map(decodeValueInfo),
    initializers,
  }
}

function decodeNode(message: NodeMessage, readExternal: ReadExternal): Node {
  return {
    name: message.name ?? '',
    op: message.opType,
    domain: standardDomain(message.domain),
    inputs: message.input,
    outputs: message.output,
    attributes: Object.fromEntries(message.attribute.map((encoded) => decodeAttribute(encoded, readExternal))),
  }
}

function decodeAttribute(encoded: Uint8Array, readExternal: ReadExternal): [string, Attribute] {
  const message = attributeProto.decode(encoded) as unknown as AttributeMessage
  const attribute = (): Attribute => {
    switch (message.type) {
      case 1:
        return { kind: 'float', value: message.f ?? 0 }
      case 2:
        return { kind: 'int', value: longToNumber(message.i) }
      case 3:
        return { kind: 'string', value: utf8Text(message.s) }
      case 4:
        if (message.t) return { kind: 'tensor', value: decodeTensor(message.t, readExternal) }
        break
      case 5:
        if (message.g) return { kind: 'graph', value: decodeGraph(message.g, readExternal) }
        break
      case 6:
        return { kind: 'floats', value: message.floats ?? [] }
      case 7:
        return { kind: 'ints', value: (message.ints ?? []).map(longToNumber) }
      case 8:
        return { kind: 'strings', value: (message.strings ?? []).map(utf8Text) }
    }
    return { kind: 'encoded', value: Uint8Array.from(encoded) }
  }
  return [message.name, attribute()]
}

function decodeValueInfo(message: ValueInfoMessage): ValueInfo {
  const tensor = message.type?.tensorType
  const type = tensor?.elemType === undefined ? undefined : elementType(tensor.elemType)
  const shape = tensor?.shape?.dim.map((dim) => {
    if (Object.hasOwn(dim, 'dimValue')) return longToNumber(dim.dimValue)
    return Object.hasOwn(dim, 'dimParam') && dim.dimParam ? dim.dimParam : null
  })
  return { name: message.name, type, shape }
}

import protobuf from 'protobufjs/light.js'

type Field = readonly [type: string, id: number, rule?: 'repeated']

// Field numbers of onnx.proto (ONNX 1.19, Apache-2.0). Parts that are only carried along are read as bytes.
const MESSAGES: Readonly<Record<string, Readonly<Record<string, Field>>>> = {
  ModelProto: {
    irVersion: ['int64', 1],
    producerName: ['string', 2],
    producerVersion: ['string', 3],
    domain: ['string', 4],
    modelVersion: ['int64', 5],
    docString: ['string', 6],
    graph: ['GraphProto', 7],
    opsetImport: ['OperatorSetIdProto', 8, 'repeated'],
    metadataProps: ['StringStringEntryProto', 14, 'repeated'],
    functions: ['bytes', 25, 'repeated'],
  },
  OperatorSetIdProto: { domain: ['string', 1], version: ['int64', 2] },
  StringStringEntryProto: { key: ['string', 1], value: ['string', 2] },
  GraphProto: {
    node: ['NodeProto', 1, 'repeated'],
    name: ['string', 2],
    initializer: ['TensorProto', 5, 'repeated'],
    docString: ['string', 10],
    input: ['ValueInfoProto', 11, 'repeated'],
    output: ['ValueInfoProto', 12, 'repeated'],
    sparseInitializer: ['bytes', 15, 'repeated'],
  },
  NodeProto: {
    input: ['string', 1, 'repeated'],
    output: ['string', 2, 'repeated'],
    name: ['string', 3],
    opType: ['string', 4],
    attribute: ['bytes', 5, 'repeated'],
    domain: ['string', 7],
  },
  AttributeProto: {
    name: ['string', 1],
    f: ['float', 2],
    i: ['int64', 3],
    s: ['bytes', 4],
    t: ['TensorProto', 5],
    g: ['GraphProto', 6],
    floats: ['float', 7, 'repeated'],
    ints: ['int64', 8, 'repeated'],
    strings: ['bytes', 9, 'repeated'],
    type: ['int32', 20],
  },
  TensorProto: {
    dims: ['int64', 1, 'repeated'],
    dataType: ['int32', 2],
    floatData: ['float', 4, 'repeated'],
    int32Data: ['int32', 5, 'repeated'],
    stringData: ['bytes', 6, 'repeated'],
    int64Data: ['int64', 7, 'repeated'],
    name: ['string', 8],
    rawData: ['bytes', 9],
    doubleData: ['double', 10, 'repeated'],
    uint64Data: ['uint64', 11, 'repeated'],
    externalData: ['StringStringEntryProto', 13, 'repeated'],
    dataLocation: ['int32', 14],
  },
  ValueInfoProto: { name: ['string', 1], type: ['TypeProto', 2] },
  TypeProto: { tensorType: ['TensorTypeProto', 1] },
  TensorTypeProto: { elemType: ['int32', 1], shape: ['TensorShapeProto', 2] },
  TensorShapeProto: { dim: ['DimensionProto', 1, 'repeated'] },
  DimensionProto: { dimValue: ['int64', 1], dimParam: ['string', 2] },
}

// proto2 does not pack repeated numbers unless told; ONNX packs those of tensors only.
const PACKED = new Set(['floatData', 'int32Data', 'int64Data', 'doubleData', 'uint64Data'])

const root = protobuf.Root.fromJSON({
  nested: Object.fromEntries(
    Object.entries(MESSAGES).map(([message, fields]) => [
      message,
      {
        fields: Object.fromEntries(
          Object.entries(fields).map(([name, [type, id, rule]]) => [
            name,
            { type, id, ...(rule && { rule, options: { packed: PACKED.has(name) } }) },
          ]),
        ),
      },
    ]),
  ),
})

export const modelProto = root.lookupType('ModelProto')
export const graphProto = root.lookupType('GraphProto')
export const tensorProto = root.lookupType('TensorProto')
export const attributeProto = root.lookupType('AttributeProto')

type Long = number | { toNumber(): number; low: number; high: number }

export interface TensorMessage {
  dims: Long[]
  dataType: number
  floatData?: number[] | undefined
  int32Data?: number[]
  stringData?: Uint8Array[] | undefined
  int64Data?: Long[]
  name?: string | undefined
  rawData?: Uint8Array | undefined
  doubleData?: number[] | undefined
  uint64Data?: Long[]
  externalData?: { key: string; value: string }[] | undefined
  dataLocation?: number | undefined
}

export interface AttributeMessage {
  name: string
  f?: number | undefined
  i?: Long | undefined
  s?: Uint8Array | undefined
  t?: TensorMessage | undefined
  g?: GraphMessage | undefined
  floats?: number[] | undefined
  ints?: Long[] | undefined
  strings?: Uint8Array[] | undefined
  type: number
}

export interface NodeMessage {
  input: string[]
  output: string[]
  name?: string | undefined
  opType: string
  attribute: Uint8Array[]
  domain?: string | undefined
}

export interface ValueInfoMessage {
  name: string
  type?:
    | {
        tensorType?: {
          elemType?: number | undefined
          shape?: { dim: { dimValue?: Long | undefined; dimParam?: string }[] }
        }
      }
    | undefined
}

export interface GraphMessage {
  node: NodeMessage[]
  name?: string | undefined
  initializer: TensorMessage[]
  input: ValueInfoMessage[]
  output: ValueInfoMessage[]
  sparseInitializer?: Uint8Array[] | undefined
}

export interface ModelMessage {
  irVersion?: Long | undefined
  producerName?: string | undefined
  producerVersion?: string | undefined
  graph?: GraphMessage | undefined
  opsetImport: { domain?: string | undefined; version: Long }[]
  metadataProps: { key: string; value?: string | undefined }[]
  functions?: Uint8Array[] | undefined
}

/** An int64 of a message as a number; ONNX's `INT64_MAX` ("to the end") becomes 2^63. */
export function longToNumber(value: Long | undefined): number {
  return value === undefined ? 0 : typeof value === 'number' ? value : value.toNumber()
}

export function longToBigInt(value: Long): bigint {
  return typeof value === 'number' ? BigInt(value) : (BigInt(value.high) << 32n) | BigInt(value.low >>> 0)
}

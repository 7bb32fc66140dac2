import { LookalikeError } from '@lookalike/core'
import { elementType } from './element-types.js'
import { longToBigInt, longToNumber, type TensorMessage } from './onnx-schema.js'
import { sizeOf, type Tensor, type TensorType } from './tensor.js'

type NumberArray = new (buffer: ArrayBuffer) => Exclude<Tensor['data'], readonly string[]>

const ARRAYS: Readonly<Record<Exclude<TensorType, 'string'>, NumberArray>> = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
}

/** Bytes of a tensor that lies in a file of its own. */
export type ReadExternal = (part: {
  readonly location: string
  readonly offset: number
  readonly length: number | undefined
}) => Uint8Array

/** A tensor of a message as plain data; its values are copied, so that they are aligned and the file's bytes can go. */
export function decodeTensor(message: TensorMessage, readExternal: ReadExternal): Tensor {
  const type = elementType(message.dataType)
  const shape = message.dims.map(longToNumber)
  const name = message.name ?? ''
  if (!type) {
    throw new LookalikeError(
      'onnx/tensor-type',
      {
        problem: `The tensor ${name || '(unnamed)'} has ONNX's element type ${message.dataType}, which cannot be read here`,
        expected: 'floats of 16, 32 or 64 bits, integers of 8 to 64 bits, bool or string',
        fix: 'Export the model again without 4-bit or 8-bit float weights.',
      },
      { fields: { name, type: message.dataType } },
    )
  }
  const data = decodeData(message, type, readExternal)
  if (data.length !== sizeOf(shape)) {
    throw new LookalikeError(
      'onnx/tensor-size',
      {
        problem: `The tensor ${name || '(unnamed)'} holds ${data.length} values`,
        expected: `${sizeOf(shape)} values for its shape [${shape.join(', ')}]`,
        fix: 'The file is damaged: export or download it again.',
      },
      { fields: { name, shape, length: data.length } },
    )
  }
  return { type, shape, data } as Tensor
}

function decodeData(message: TensorMessage, type: TensorType, readExternal: ReadExternal): Tensor['data'] {
  if (type === 'string') return (message.stringData ?? []).map((bytes) => Buffer.from(bytes).toString('utf8'))
  const array = ARRAYS[type]
  const raw = message.dataLocation === 1 ? readExternal(externalPart(message)) : message.rawData
  if (raw?.length) return new array(Uint8Array.from(raw).buffer)
  switch (type) {
    case 'float32':
      return Float32Array.from(message.floatData ?? [])
    case 'float64':
      return Float64Array.from(message.doubleData ?? [])
    case 'int64':
      return BigInt64Array.from((message.int64Data ?? []).map(longToBigInt))
    case 'uint64':
      return BigUint64Array.from((message.uint64Data ?? []).map(longToBigInt))
    case 'uint32':
      return Uint32Array.from((message.uint64Data ?? []).map(longToNumber))
    case 'float16':
    case 'bfloat16':
    case 'uint16':
      return Uint16Array.from(message.int32Data ?? [])
    case 'int8':
      return Int8Array.from(message.int32Data ?? [])
    case 'int16':
      return Int16Array.from(message.int32Data ?? [])
    case 'int32':
      return Int32Array.from(message.int32Data ?? [])
    case 'uint8':
    case 'bool':
      return Uint8Array.from(message.int32Data ?? [])
  }
}

function externalPart(message: TensorMessage) {
  const entries = new Map((message.externalData ?? []).map(({ key, value }) => [key, value]))
  const length = entries.get('length')
  return {
    location: entries.get('location') ?? '',
    offset: Number(entries.get('offset') ?? 0),
    length: length === undefined ? undefined : Number(length),
  }
}

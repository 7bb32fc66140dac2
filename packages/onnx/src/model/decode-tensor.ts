import { LookalikeError } from '@lookalike/core'
import { bytesOf, elementType } from './element-types.js'
import { type FilePart, LARGE, type LazyBytes, lazyTensor } from './lazy-tensor.js'
import { longToBigInt, longToNumber, type TensorMessage } from './onnx-schema.js'
import { sizeOf, type Tensor, type TensorType } from './tensor.js'
import { utf8Text } from './utf8.js'

interface NumberArray {
  readonly BYTES_PER_ELEMENT: number
  new (buffer: ArrayBuffer, byteOffset?: number, length?: number): Exclude<Tensor['data'], readonly string[]>
}

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

/** Bytes of a tensor that lies in a file of its own: at once, or when they are asked for. */
export type ReadExternal = (part: {
  readonly location: string
  readonly offset: number
  readonly length: number | undefined
}) => Uint8Array | (LazyBytes & { readonly part: FilePart })

/** A tensor of a message as plain data; its values are views of the file's bytes where these are aligned. */
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
  const raw = message.dataLocation === 1 ? readExternal(externalPart(message)) : message.rawData
  if (raw && 'part' in raw && type !== 'string') {
    checkSize(name, shape, raw.part.length / bytesOf(type))
    return lazyTensor(type, shape, raw, (bytes) => viewOf(ARRAYS[type], bytes))
  }
  if (raw instanceof Uint8Array && type !== 'string' && raw.length >= LARGE && !isAligned(raw, ARRAYS[type])) {
    checkSize(name, shape, raw.length / bytesOf(type))
    return lazyTensor(type, shape, { read: () => raw }, (bytes) => viewOf(ARRAYS[type], bytes))
  }
  const data = decodeData(message, type, raw as Uint8Array | undefined)
  checkSize(name, shape, data.length)
  return { type, shape, data } as Tensor
}

function checkSize(name: string, shape: readonly number[], length: number): void {
  if (length !== sizeOf(shape)) {
    throw new LookalikeError(
      'onnx/tensor-size',
      {
        problem: `The tensor ${name || '(unnamed)'} holds ${length} values`,
        expected: `${sizeOf(shape)} values for its shape [${shape.join(', ')}]`,
        fix: 'The file is damaged: export or download it again.',
      },
      { fields: { name, shape, length } },
    )
  }
}

const isAligned = (raw: Uint8Array, { BYTES_PER_ELEMENT }: NumberArray) => raw.byteOffset % BYTES_PER_ELEMENT === 0

/** The values of raw bytes: a view where they are aligned, else a copy. */
function viewOf(array: (typeof ARRAYS)[keyof typeof ARRAYS], raw: Uint8Array): Tensor['data'] {
  const bytes = isAligned(raw, array) ? raw : Uint8Array.prototype.slice.call(raw)
  if (bytes.length % array.BYTES_PER_ELEMENT !== 0) throw new RangeError('A tensor ends within a value.')
  return new array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length / array.BYTES_PER_ELEMENT)
}

function decodeData(message: TensorMessage, type: TensorType, raw: Uint8Array | undefined): Tensor['data'] {
  if (type === 'string') return (message.stringData ?? []).map(utf8Text)
  const array = ARRAYS[type]
  if (raw?.length) return viewOf(array, raw)
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

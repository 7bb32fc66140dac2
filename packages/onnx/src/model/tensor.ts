import { LookalikeError } from '@lookalike/core'
import { float16ToFloat32 } from './half.js'

/** How each element type lies in memory. float16 and bfloat16 as their bit patterns, bool as 0 and 1. */
export interface TensorData {
  float32: Float32Array
  float64: Float64Array
  float16: Uint16Array
  bfloat16: Uint16Array
  int8: Int8Array
  uint8: Uint8Array
  int16: Int16Array
  uint16: Uint16Array
  int32: Int32Array
  uint32: Uint32Array
  int64: BigInt64Array
  uint64: BigUint64Array
  bool: Uint8Array
  string: readonly string[]
}

export type TensorType = keyof TensorData

/** Plain data: row-major, as many values as the shape's product; a scalar has the shape `[]`. */
export interface TensorOf<T extends TensorType> {
  readonly type: T
  readonly shape: readonly number[]
  readonly data: TensorData[T]
}

export type Tensor = { [T in TensorType]: TensorOf<T> }[TensorType]

/** The number of values of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1)
}

/** A float32 tensor; without `shape` a vector. */
export function float32(data: Float32Array | readonly number[], shape?: readonly number[]): TensorOf<'float32'> {
  const values = data instanceof Float32Array ? data : Float32Array.from(data)
  return checked({ type: 'float32', shape: shape ?? [values.length], data: values })
}

/** An int64 tensor, which ONNX wants for shapes, axes and positions; without `shape` a vector. */
export function int64(data: BigInt64Array | readonly number[], shape?: readonly number[]): TensorOf<'int64'> {
  const values = data instanceof BigInt64Array ? data : BigInt64Array.from(data as readonly number[], BigInt)
  return checked({ type: 'int64', shape: shape ?? [values.length], data: values })
}

/** A tensor's values as JavaScript numbers. */
export function toNumbers(tensor: Tensor): number[] {
  if (tensor.type === 'string') throw new TypeError('A tensor of strings has no numbers.')
  if (tensor.type === 'float16') return Array.from(float16ToFloat32(tensor.data))
  if (tensor.type === 'bfloat16') return Array.from(tensor.data, bfloat16ToNumber)
  return Array.from(tensor.data as ArrayLike<number | bigint>, Number)
}

function bfloat16ToNumber(bits: number): number {
  return new Float32Array(Uint32Array.of(bits << 16).buffer)[0]!
}

function checked<T extends Tensor>(tensor: T): T {
  if (sizeOf(tensor.shape) !== tensor.data.length) {
    throw new LookalikeError(
      'onnx/tensor-shape',
      {
        problem: `A tensor of shape [${tensor.shape.join(', ')}] came with ${tensor.data.length} values`,
        expected: `${sizeOf(tensor.shape)} values`,
      },
      { fields: { shape: tensor.shape, length: tensor.data.length } },
    )
  }
  return tensor
}

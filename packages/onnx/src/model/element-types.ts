import type { TensorType } from './tensor.js'

const NUMBERS: Readonly<Record<TensorType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
}
const BYTES: Readonly<Record<TensorType, number>> = {
  float32: 4,
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  int32: 4,
  int64: 8,
  string: 0,
  bool: 1,
  float16: 2,
  float64: 8,
  uint32: 4,
  uint64: 8,
  bfloat16: 2,
}

/** Bytes of one value; 0 for strings, which have no one size. */
export function bytesOf(type: TensorType): number {
  return BYTES[type]
}

const TYPES = new Map(Object.entries(NUMBERS).map(([type, number]) => [number, type as TensorType]))

/** ONNX's number of an element type. */
export function elementTypeNumber(type: TensorType): number {
  return NUMBERS[type]
}

/** Undefined for types that this package has no memory layout for (4-bit integers, 8-bit floats). */
export function elementType(number: number): TensorType | undefined {
  return TYPES.get(number)
}

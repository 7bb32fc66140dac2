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
const TYPES = new Map(Object.entries(NUMBERS).map(([type, number]) => [number, type as TensorType]))

/** ONNX's number of an element type. */
export function elementTypeNumber(type: TensorType): number {
  return NUMBERS[type]
}

/** Undefined for types that this package has no memory layout for (4-bit integers, 8-bit floats). */
export function elementType(number: number): TensorType | undefined {
  return TYPES.get(number)
}

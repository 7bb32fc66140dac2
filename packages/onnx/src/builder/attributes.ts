import type { Attribute, Graph } from '../model/model.js'
import type { Tensor } from '../model/tensor.js'

/** A setting as it is written by hand; {@link toAttribute} finds ONNX's kind for it. */
export type AttributeValue =
  | number
  | boolean
  | string
  | readonly number[]
  | readonly string[]
  | Tensor
  | Graph
  | Attribute

// Settings that ONNX's operators declare as floats; every other number is an integer.
const FLOATS = new Set([
  'alpha',
  'beta',
  'gamma',
  'lambd',
  'bias',
  'epsilon',
  'momentum',
  'scale',
  'ratio',
  'norm_coefficient',
  'spatial_scale',
  'extrapolation_value',
  'cubic_coeff_a',
  'value_float',
  'value_floats',
  'scales',
  'mean',
  'high',
  'low',
  'max',
  'min',
  'threshold',
  'activation_alpha',
  'activation_beta',
  'clip',
  'softcap',
])

/** A setting with ONNX's kind. A number is an integer unless ONNX's operators want a float under that name, or it has a fraction. */
export function toAttribute(name: string, value: AttributeValue): Attribute {
  if (typeof value === 'boolean') return { kind: 'int', value: value ? 1 : 0 }
  if (typeof value === 'number') return { kind: isFloat(name, [value]) ? 'float' : 'int', value }
  if (typeof value === 'string') return { kind: 'string', value }
  if (isArray(value)) {
    if (value.every((item) => typeof item === 'string')) return { kind: 'strings', value: value as readonly string[] }
    const numbers = value as readonly number[]
    return { kind: isFloat(name, numbers) ? 'floats' : 'ints', value: numbers }
  }
  if ('kind' in value) return value
  if ('nodes' in value) return { kind: 'graph', value }
  return { kind: 'tensor', value }
}

export function toAttributes(values: Readonly<Record<string, AttributeValue | undefined>>): Record<string, Attribute> {
  const attributes: Record<string, Attribute> = {}
  for (const [name, value] of Object.entries(values))
    if (value !== undefined) attributes[name] = toAttribute(name, value)
  return attributes
}

function isFloat(name: string, values: readonly number[]): boolean {
  return FLOATS.has(name) || values.some((value) => !Number.isInteger(value))
}

function isArray(value: AttributeValue): value is readonly number[] | readonly string[] {
  return Array.isArray(value)
}

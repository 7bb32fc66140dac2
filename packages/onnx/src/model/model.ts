import type { Tensor, TensorType } from './tensor.js'

/** A node's setting. ONNX stores the kind beside the value, and `1` the number is not `1` the integer. */
export type Attribute =
  | { readonly kind: 'int' | 'float'; readonly value: number }
  | { readonly kind: 'ints' | 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  | { readonly kind: 'tensor'; readonly value: Tensor }
  | { readonly kind: 'graph'; readonly value: Graph }
  /** Anything else (sparse tensors, types), kept as it was encoded. */
  | { readonly kind: 'encoded'; readonly value: Uint8Array }

/** One operation. Inputs and outputs are tensor names; `''` stands for an optional one that is left out. */
export interface Node {
  readonly name: string
  /** The operator: `MatMul`, `Conv`. */
  readonly op: string
  /** `''` is ONNX's own set of operators. */
  readonly domain: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Readonly<Record<string, Attribute>>
}

/** A number, the name of a dimension that may vary (`N`), or null where the model says nothing. */
export type Dimension = number | string | null

export interface ValueInfo {
  readonly name: string
  /** Absent where the model says nothing, or where the value is no tensor. */
  readonly type?: TensorType | undefined
  /** Absent where not even the number of dimensions is known. */
  readonly shape?: readonly Dimension[] | undefined
}

/** Nodes in an order in which every node comes after those that make its inputs. */
export interface Graph {
  readonly name: string
  readonly nodes: readonly Node[]
  /** What must be fed; initializers are not among them. */
  readonly inputs: readonly ValueInfo[]
  readonly outputs: readonly ValueInfo[]
  /** The constants, trained weights among them. */
  readonly initializers: ReadonlyMap<string, Tensor>
}

/** An ONNX model as plain data. Never changed in place: every transform returns a new one that shares the tensors. */
export interface OnnxModel {
  readonly irVersion: number
  /** Version of each operator set by domain; `''` is ONNX's own. */
  readonly opset: Readonly<Record<string, number>>
  readonly producer: string
  readonly graph: Graph
  readonly metadata: Readonly<Record<string, string>>
  /** Operators that the model defines itself, kept as they were encoded. */
  readonly functions: readonly Uint8Array[]
}

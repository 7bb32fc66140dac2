import type { Dimension, Graph, OnnxModel } from '../model/model.js'
import type { Tensor, TensorType } from '../model/tensor.js'
import type { AttributeValue } from './attributes.js'

export interface GraphBuilderOptions {
  /** Version of ONNX's operators, 7 or later. Default 17. */
  readonly opset?: number | undefined
  readonly name?: string | undefined
  /** Starts the names of all unnamed tensors and nodes. Default: nothing. */
  readonly prefix?: string | undefined
  /** Further sets of operators by domain, for example `{ 'com.microsoft': 1 }`. */
  readonly domains?: Readonly<Record<string, number>> | undefined
}

export interface NodeOptions {
  /** Also the base of its outputs' names. */
  readonly name?: string | undefined
  readonly domain?: string | undefined
  /** Names of the outputs, where they matter. */
  readonly outputs?: readonly string[] | undefined
}

export type AttributeValues = Readonly<Record<string, AttributeValue | undefined>>

/** The bare means of building; the operators' own methods stand on it. */
export interface NodeBuilder {
  readonly opset: number
  /** A tensor to be fed. Returns its name, as every method does. */
  input(name: string, type: TensorType, shape: readonly Dimension[]): string
  /** A named constant: a weight. */
  initializer(name: string, tensor: Tensor): string
  /** An unnamed constant; equal small ones are stored once. */
  constant(tensor: Tensor): string
  /** A float32 constant; without `shape`, one number is a scalar and several are a vector. */
  floats(values: readonly number[] | number, shape?: readonly number[]): string
  /** An int64 constant; without `shape`, one number is a scalar and several are a vector. */
  integers(values: readonly number[] | number, shape?: readonly number[]): string
  /** Any operator with one output that is wanted. */
  node(op: string, inputs: readonly string[], attributes?: AttributeValues, options?: NodeOptions): string
  /** Any operator with several outputs. */
  nodes(
    op: string,
    inputs: readonly string[],
    count: number,
    attributes?: AttributeValues,
    options?: NodeOptions,
  ): string[]
  /** Marks a tensor as a result; `name` renames it. */
  output(
    value: string,
    name?: string,
    info?: { readonly type?: TensorType | undefined; readonly shape?: readonly Dimension[] | undefined },
  ): string
  /** Takes over another graph's nodes and initializers; `inputs` says what its inputs are here. Returns its outputs' names here. */
  include(graph: Graph, inputs: Readonly<Record<string, string>>, prefix?: string): Record<string, string>
  graph(): Graph
  build(metadata?: Readonly<Record<string, string>>): OnnxModel
}

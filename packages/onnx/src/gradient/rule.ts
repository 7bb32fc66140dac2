import type { GraphBuilder } from '../builder/create-graph-builder.js'
import type { Node } from '../model/model.js'
import type { Tensor } from '../model/tensor.js'

/** What a rule sees of the node that it differentiates, and what it builds the gradient with. */
export interface RuleContext {
  /** Builds into the gradient graph; every tensor of the forward pass can be used by its name. */
  readonly g: GraphBuilder
  readonly node: Node
  /** Gradient of each output; undefined where none arrives. */
  readonly outputGradients: readonly (string | undefined)[]
  /** Gradient of the first output. */
  readonly dy: string
  /** Whether the gradient of the nth input is needed. */
  wants(input: number): boolean
  /** The actual shape of any tensor of the forward pass. */
  shape(name: string): readonly number[]
  /** Shape of the first output. */
  readonly outputShape: readonly number[]
  /** The nth input's value where it does not depend on what is fed or trained. */
  constant(input: number): Tensor | undefined
  /** The nth input's values as numbers; an error for the user where they are not constant. */
  numbers(input: number): readonly number[]
  integer(attribute: string, otherwise: number): number
  float(attribute: string, otherwise: number): number
  integers(attribute: string): readonly number[] | undefined
  text(attribute: string, otherwise: string): string
  /** Asks the forward node for a further output, such as the statistics of a norm. Returns its name. */
  forwardOutput(output: number): string
  /** An error that names this node. */
  unsupported(what: string): Error
}

/** Gradients of the inputs, in their order; undefined where there is none or none is wanted. */
export type Rule = (context: RuleContext) => readonly (string | undefined)[]

/** A gradient of shape `from`, summed over what was broadcast, so that it has the shape `to`. */
export function reduceTo(g: GraphBuilder, value: string, from: readonly number[], to: readonly number[]): string {
  const lead = from.length - to.length
  const axes = from.flatMap((dim, axis) => (axis < lead || (to[axis - lead] === 1 && dim !== 1) ? [axis] : []))
  const summed = axes.some((axis) => from[axis] !== 1) ? g.reduceSum(value, axes) : value
  return lead > 0 ? g.reshape(summed, to) : summed
}

/** `axis` counted from the front. */
export function positiveAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis
}

/** All axes but one. */
export function otherAxes(rank: number, axis: number): number[] {
  return range(rank).filter((i) => i !== axis)
}

export function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i)
}

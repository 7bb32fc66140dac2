import type { GraphBuilder } from '../../builder/create-graph-builder.js'
import type { Probe } from '../../gradient/probe.js'
import type { Attention } from './find-attentions.js'
import type { Size } from './layouts.js'
import type { Positions } from './moved-positions.js'

export interface Sizes {
  readonly queries: Size
  readonly keys: Size
  readonly values: Size
}

/** The found attention with the sizes and positions that were read of it. */
export interface Case {
  readonly g: GraphBuilder
  readonly attention: Attention
  readonly found: Probe
  readonly positions: Positions
  readonly sizes: Sizes
  /** How many images were fed. */
  readonly batch: number
}

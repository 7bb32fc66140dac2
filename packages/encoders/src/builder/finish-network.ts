import { checkOptions, type Preprocessing } from '@lookalike/core'
import { preprocessingSchema } from '@lookalike/image'
import type { Dimension, GraphBuilder, OnnxModel } from '@lookalike/onnx'
import { completeMark } from '../network/complete-network.js'
import { preprocessingEntry } from '../network/preprocessing-entry.js'

export interface Size {
  /** Pixels. */
  readonly height: number
  /** Pixels. */
  readonly width: number
}

/** The networks' input, named as model repositories name it. */
export const PIXELS = 'pixel_values'

/** ONNX's operators of version 21: the first with group norm as it is used here, and the last that training handles. */
export const OPSET = 21

export interface Finish {
  readonly output: string
  readonly shape: readonly Dimension[]
  readonly normalise: boolean
  readonly preprocessing: Preprocessing
  /** How the network was made; kept in the model's metadata under `lookalike.<key>`. */
  readonly card: Readonly<Record<string, string>>
}

/** Normalises and names the output, and closes the model with its preprocessing in the metadata. */
export function finishNetwork(
  g: GraphBuilder,
  result: string,
  { output, shape, normalise, preprocessing, card }: Finish,
): OnnxModel {
  g.output(normalise ? g.l2Normalise(result) : result, output, { shape })
  return g.build({
    ...preprocessingEntry(checkOptions('preprocessing', preprocessingSchema, preprocessing)),
    ...(shape.length === 2 && completeMark),
    ...Object.fromEntries(Object.entries(card).map(([key, value]) => [`lookalike.${key}`, value])),
  })
}

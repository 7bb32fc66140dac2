import type { Preprocessing } from '@lookalike/core'
import type { GraphBuilder } from '@lookalike/onnx'
import type { ModelInput } from './network-input.js'

/** Luma of ITU-R 601, as Pillow turns colours into grey. */
const LUMA = { rgb: [0.299, 0.587, 0.114], bgr: [0.114, 0.587, 0.299] } as const

/**
 * Brings preprocessed pixels (float32, three channels, the preprocessing's layout) to what a model takes: grey where it has one channel,
 * whole numbers from 0 to 255 (the normalisation undone) where it takes bytes, its own layout and element type.
 */
export function adaptPixels(g: GraphBuilder, pixels: string, input: ModelInput, preprocessing: Preprocessing): string {
  const axis = preprocessing.layout === 'nchw' ? 1 : 3
  const perChannel = (values: readonly number[]) =>
    g.floats(values, axis === 1 ? [1, values.length, 1, 1] : [1, 1, 1, values.length])
  let x = pixels
  if (input.type === 'uint8') {
    const { scale, mean, std, channels } = preprocessing
    const ordered = (values: readonly number[]) => (channels === 'rgb' ? values : values.toReversed())
    // pixel = (value * std + mean) / scale
    const factors = perChannel(ordered(std.map((value) => value / scale)))
    const offsets = perChannel(ordered(mean.map((value) => value / scale)))
    x = g.add(g.mul(x, factors), offsets)
  }
  if (input.channels === 1) x = g.reduceSum(g.mul(x, perChannel(LUMA[preprocessing.channels])), [axis])
  if (input.layout !== preprocessing.layout) x = g.transpose(x, input.layout === 'nhwc' ? [0, 2, 3, 1] : [0, 3, 1, 2])
  // Adding a half and cutting rounds to the nearest.
  if (input.type === 'uint8') x = g.clip(g.add(x, g.floats(0.5)), 0, 255)
  return input.type === 'float32' ? x : g.cast(x, input.type)
}

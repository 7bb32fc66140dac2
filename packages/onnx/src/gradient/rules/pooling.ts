import { float32, int64, sizeOf } from '../../model/tensor.js'
import { type Rule, type RuleContext, range } from '../rule.js'
import { offsets, type Window, windowOf } from '../window.js'

const globalAveragePool: Rule = (c) => {
  const shape = c.shape(c.node.inputs[0]!)
  const places = sizeOf(shape.slice(2))
  return [c.g.expand(c.g.mul(c.dy, c.g.floats(1 / places)), shape)]
}

const globalMaxPool: Rule = (c) => {
  const { g } = c
  const hits = g.cast(g.equal(c.node.inputs[0]!, c.node.outputs[0]!), 'float32')
  const axes = range(c.outputShape.length).slice(2)
  return [g.mul(hits, g.div(c.dy, g.reduceSum(hits, axes)))]
}

/**
 * Adds up what overlapping windows say about each pixel. `parts` is [planes, kernel places, windows...]; `weight` says where in a
 * window each of them belongs.
 */
function overlapAdd(c: RuleContext, window: Window, parts: string, weight: string): string {
  const { g } = c
  const rank = window.kernel.length
  const span = (axis: number) => (window.kernel[axis]! - 1) * window.dilations[axis]! + 1
  const reached = range(rank).map((axis) => (window.output[axis]! - 1) * window.strides[axis]! + span(axis))
  const margins = range(rank).map((axis) => window.input[axis]! + window.padsBefore[axis]! - reached[axis]!)
  const image = g.node('ConvTranspose', [parts, weight], {
    strides: window.strides,
    dilations: window.dilations,
    pads: [...window.padsBefore, ...margins.map((margin) => Math.max(0, -margin))],
    output_padding: margins.map((margin) => Math.max(0, margin)),
  })
  return g.reshape(image, c.shape(c.node.inputs[0]!))
}

const averagePool: Rule = (c) => {
  const { g } = c
  const window = windowOf(c, c.integers('kernel_shape')!)
  const [images, channels] = c.outputShape as [number, number]
  const includePads = c.integer('count_include_pad', 0) === 1
  const counts = offsetCounts(window, includePads)
  const even = counts.every((count) => count === counts[0])
  const share = even
    ? g.floats(1 / counts[0]!)
    : g.constant(
        float32(
          Float32Array.from(counts, (count) => 1 / count),
          window.output,
        ),
      )
  const scaled = g.mul(c.dy, share)
  const exact = range(window.kernel.length).every(
    (axis) =>
      window.strides[axis] === window.kernel[axis] &&
      window.output[axis]! * window.kernel[axis]! === window.input[axis],
  )
  if (exact && window.padsBefore.every((pad) => pad === 0)) {
    const apart = [images * channels, ...window.output.flatMap((size) => [size, 1])]
    const wide = [images * channels, ...window.output.flatMap((size, axis) => [size, window.kernel[axis]!])]
    return [g.reshape(g.expand(g.reshape(scaled, apart), wide), c.shape(c.node.inputs[0]!))]
  }
  const ones = g.constant(float32(new Float32Array(sizeOf(window.kernel)).fill(1), [1, 1, ...window.kernel]))
  return [overlapAdd(c, window, g.reshape(scaled, [images * channels, 1, ...window.output]), ones)]
}

/** Over how many pixels each window's mean goes. */
function offsetCounts(window: Window, includePads: boolean): number[] {
  const counted = range(window.kernel.length).map((axis) =>
    range(window.output[axis]!).map((at) => {
      const first = at * window.strides[axis]! - window.padsBefore[axis]!
      const places = range(window.kernel[axis]!).map((k) => first + k * window.dilations[axis]!)
      // Places beyond the stated padding, which rounding up reaches, never count.
      const last = window.input[axis]! + (includePads ? Math.max(0, window.padsAfter[axis]!) : 0)
      return places.filter((place) => place < last && (includePads || place >= 0)).length
    }),
  )
  return counted.reduce<number[]>((all, axis) => all.flatMap((count) => axis.map((other) => count * other)), [1])
}

const maxPool: Rule = (c) => {
  const { g } = c
  const window = windowOf(c, c.integers('kernel_shape')!)
  const rank = window.kernel.length
  const [images, channels] = c.outputShape as [number, number]
  const planes = images * channels
  const places = sizeOf(window.kernel)
  const steps = window.input.map((_, axis) => sizeOf(window.input.slice(axis + 1)))
  // Which pixel of its image each window took, counted from the window's first place.
  const taken = g.node('Mod', [c.forwardOutput(1), g.integers(sizeOf(window.input))])
  const first = offsets(window.output).map((at) =>
    at.reduce((sum, i, axis) => sum + (i * window.strides[axis]! - window.padsBefore[axis]!) * steps[axis]!, 0),
  )
  const relative = g.reshape(g.sub(taken, g.constant(int64(first, window.output))), [planes, 1, ...window.output])
  const place = offsets(window.kernel).map((at) =>
    at.reduce((sum, i, axis) => sum + i * window.dilations[axis]! * steps[axis]!, 0),
  )
  const hits = g.equal(relative, g.constant(int64(place, [places, ...range(rank).map(() => 1)])))
  const parts = g.where(hits, g.reshape(c.dy, [planes, 1, ...window.output]), g.floats(0))
  const weight = new Float32Array(places * places)
  for (let i = 0; i < places; i++) weight[i * places + i] = 1
  return [overlapAdd(c, window, parts, g.constant(float32(weight, [places, 1, ...window.kernel])))]
}

export const poolingRules: Readonly<Record<string, Rule>> = {
  GlobalAveragePool: globalAveragePool,
  GlobalMaxPool: globalMaxPool,
  AveragePool: averagePool,
  MaxPool: maxPool,
}

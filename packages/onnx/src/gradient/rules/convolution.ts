import { sizeOf } from '../../model/tensor.js'
import { otherAxes, range, type Rule, type RuleContext } from '../rule.js'
import { offsets, windowOf, type Window } from '../window.js'
import { product } from './matrix.js'
import { spread } from './movement.js'

const conv: Rule = (c) => {
  const { g } = c
  const [, weight, bias] = c.node.inputs as [string, string, string?]
  const weightShape = c.shape(weight)
  const window = windowOf(c, weightShape.slice(2))
  const groups = c.integer('group', 1)
  return [
    c.wants(0) ? inputGradient(c, window, groups) : undefined,
    c.wants(1) ? weightGradient(c, window, groups) : undefined,
    bias && c.wants(2) ? g.reduceSum(c.dy, otherAxes(weightShape.length, 1), false) : undefined,
  ]
}

function isPointwise({ kernel, strides, padsBefore, padsAfter }: Window): boolean {
  return [...kernel, ...strides].every((value) => value === 1) && [...padsBefore, ...padsAfter].every((pad) => pad === 0)
}

function inputGradient(c: RuleContext, window: Window, groups: number): string {
  const { g } = c
  const [x, weight] = c.node.inputs as [string, string]
  const [outputs, inputs] = c.shape(weight) as [number, number]
  const shape = c.shape(x)
  if (isPointwise(window) && groups === 1) {
    const dy = g.reshape(c.dy, [shape[0]!, outputs, sizeOf(window.output)])
    return g.reshape(product(g, g.reshape(weight, [outputs, inputs]), dy, { transA: true }), shape)
  }
  if (inputs === 1 && outputs === groups) return depthwiseInputGradient(c, window, groups)
  const span = (axis: number) => (window.kernel[axis]! - 1) * window.dilations[axis]! + 1
  const reached = range(window.kernel.length).map((axis) => (window.output[axis]! - 1) * window.strides[axis]! + span(axis))
  const margins = reached.map((size, axis) => window.input[axis]! + window.padsBefore[axis]! - size)
  return g.node('ConvTranspose', [c.dy, weight], {
    strides: window.strides,
    dilations: window.dilations,
    group: groups,
    pads: [...window.padsBefore, ...margins.map((margin) => Math.max(0, -margin))],
    output_padding: margins.map((margin) => Math.max(0, margin)),
  })
}

/** A depthwise convolution of the gradient, spread out by the strides, with the kernel turned round. */
function depthwiseInputGradient(c: RuleContext, window: Window, groups: number): string {
  const { g } = c
  const rank = window.kernel.length
  const axes = range(rank).map((axis) => axis + 2)
  const turned = g.slice(c.node.inputs[1]!, axes.map(() => -1), axes.map(() => -(2 ** 31)), axes, axes.map(() => -1))
  let [gradient, shape] = [c.dy, [...c.outputShape]]
  for (const axis of range(rank)) {
    if (window.strides[axis]! > 1 && shape[axis + 2]! > 1) [gradient, shape] = spread(g, gradient, shape, axis + 2, window.strides[axis]!)
  }
  const span = (axis: number) => (window.kernel[axis]! - 1) * window.dilations[axis]!
  const before = range(rank).map((axis) => span(axis) - window.padsBefore[axis]!)
  const after = range(rank).map((axis) => window.input[axis]! + span(axis) - shape[axis + 2]! - before[axis]!)
  if ([...before, ...after].some((pad) => pad < 0)) throw c.unsupported('a depthwise convolution padded by more than its kernel')
  return g.conv(gradient, turned, undefined, { dilations: window.dilations, group: groups, pads: [...before, ...after] })
}

/** For each place in the kernel, the product of the gradient with the part of the image that the place saw. */
function weightGradient(c: RuleContext, window: Window, groups: number): string {
  const { g } = c
  const [x, weight] = c.node.inputs as [string, string]
  const weightShape = c.shape(weight)
  const [outputs, inputs] = weightShape as [number, number]
  const images = c.outputShape[0]!
  const rank = window.kernel.length
  const places = images * sizeOf(window.output)
  const swap = [1, 0, ...range(rank).map((axis) => axis + 2)]
  const dy = g.reshape(g.transpose(c.dy, swap), [groups, outputs / groups, places])
  const zeroPads = [0, 0]
  const pads = [...zeroPads, ...window.padsBefore, ...zeroPads, ...window.padsAfter.map((pad) => Math.max(0, pad))]
  const swapped = g.transpose(x, swap)
  const padded = pads.some((pad) => pad !== 0) ? g.pad(swapped, pads) : swapped
  const axes = range(rank).map((axis) => axis + 2)
  const parts = offsets(window.kernel).map((offset) => {
    const starts = offset.map((at, axis) => at * window.dilations[axis]!)
    const ends = starts.map((start, axis) => start + (window.output[axis]! - 1) * window.strides[axis]! + 1)
    const seen = g.slice(padded, starts, ends, axes, window.strides)
    const columns = g.reshape(seen, [groups, inputs, places])
    return g.reshape(product(g, dy, columns, { transB: true }), [outputs, inputs, 1])
  })
  return g.reshape(parts.length === 1 ? parts[0]! : g.concat(parts, 2), weightShape)
}

export const convolutionRules: Readonly<Record<string, Rule>> = { Conv: conv }

import { sizeOf } from '../../model/tensor.js'
import { otherAxes, type Rule, type RuleContext, range } from '../rule.js'
import { offsets, type Window, windowOf } from '../window.js'
import { turned } from './matrix.js'

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
  return (
    [...kernel, ...strides].every((value) => value === 1) && [...padsBefore, ...padsAfter].every((pad) => pad === 0)
  )
}

function inputGradient(c: RuleContext, window: Window, groups: number): string {
  const { kernel, strides, dilations, padsBefore, padsAfter } = window
  const reach = kernel.map((size, axis) => (size - 1) * dilations[axis]!)
  const before = reach.map((span, axis) => span - padsBefore[axis]!)
  const after = reach.map((span, axis) => span - padsAfter[axis]!)
  const dense = strides.every((stride) => stride === 1) && [...before, ...after].every((pad) => pad >= 0)
  // The runtime's convolution is faster than its transposed convolution, which every other case needs.
  if (dense)
    return c.g.conv(c.dy, turnedKernel(c, groups), undefined, { dilations, group: groups, pads: [...before, ...after] })
  const margins = padsAfter.map((pad) => -pad)
  return c.g.node('ConvTranspose', [c.dy, c.node.inputs[1]!], {
    strides,
    dilations,
    group: groups,
    pads: [...padsBefore, ...margins.map((margin) => Math.max(0, -margin))],
    output_padding: margins.map((margin) => Math.max(0, margin)),
  })
}

/** The kernel turned round, with its inputs and outputs exchanged within each group. */
function turnedKernel(c: RuleContext, groups: number): string {
  const { g } = c
  const weight = c.node.inputs[1]!
  const [outputs, inputs, ...kernel] = c.shape(weight) as [number, number, ...number[]]
  const exchanged =
    groups === 1
      ? g.transpose(weight, [1, 0, ...range(kernel.length).map((axis) => axis + 2)])
      : inputs === 1 && outputs === groups
        ? weight
        : g.reshape(
            g.transpose(g.reshape(weight, [groups, outputs / groups, inputs, ...kernel]), [
              0,
              2,
              1,
              ...range(kernel.length).map((axis) => axis + 3),
            ]),
            [groups * inputs, outputs / groups, ...kernel],
          )
  const axes = range(kernel.length)
    .filter((axis) => kernel[axis]! > 1)
    .map((axis) => axis + 2)
  if (axes.length === 0) return exchanged
  return g.slice(
    exchanged,
    axes.map(() => -1),
    axes.map(() => -(2 ** 31)),
    axes,
    axes.map(() => -1),
  )
}

/** From this many places an image on, one product for each image beats bringing the images' places together first. */
const LARGE_POINTWISE = 150
const LARGE = 512

/** Four ways to the same sums, each the fastest for its kind of convolution. */
function weightGradient(c: RuleContext, window: Window, groups: number): string {
  const [outputs, inputs] = c.shape(c.node.inputs[1]!) as [number, number]
  const places = sizeOf(window.output)
  const depthwise = inputs === 1 && outputs === groups
  if (depthwise && window.strides.some((stride) => stride > 1)) return byConvolution(c, window, groups)
  if (depthwise || (groups === 1 && places >= (isPointwise(window) ? LARGE_POINTWISE : LARGE)))
    return byImage(c, window, groups)
  return byChannel(c, window, groups)
}

/** The image with its padding, its first axis the images or, swapped, the channels. */
function padded(c: RuleContext, window: Window, swapped: boolean): string {
  const { g } = c
  const x = swapped ? swap(c, c.node.inputs[0]!) : c.node.inputs[0]!
  const pads = [0, 0, ...window.padsBefore, 0, 0, ...window.padsAfter.map((pad) => Math.max(0, pad))]
  return pads.some((pad) => pad !== 0) ? g.pad(x, pads) : x
}

function swap(c: RuleContext, value: string): string {
  return c.g.transpose(value, [1, 0, ...range(c.outputShape.length - 2).map((axis) => axis + 2)])
}

/** What one place of the kernel saw of the padded image. */
function seenBy(c: RuleContext, window: Window, image: string, offset: readonly number[]): string {
  const rank = window.kernel.length
  if (isPointwise(window)) return image
  const starts = offset.map((at, axis) => at * window.dilations[axis]!)
  const ends = starts.map((start, axis) => start + (window.output[axis]! - 1) * window.strides[axis]! + 1)
  return c.g.slice(
    image,
    starts,
    ends,
    range(rank).map((axis) => axis + 2),
    window.strides,
  )
}

/** For each place in the kernel and each image a product of gradient and image; then the sum over the images. */
function byImage(c: RuleContext, window: Window, groups: number): string {
  const { g } = c
  const weightShape = c.shape(c.node.inputs[1]!)
  const [outputs, inputs] = weightShape as [number, number]
  const images = c.outputShape[0]!
  const places = sizeOf(window.output)
  const image = padded(c, window, false)
  const depthwise = groups > 1
  const left = depthwise ? [images * outputs, 1, places] : [images, outputs, places]
  const right = depthwise ? [images * outputs, 1, places] : [images, inputs, places]
  const dy = g.reshape(c.dy, left)
  // The runtime multiplies tall by narrow faster than narrow by tall.
  const flipped = !depthwise && inputs > outputs
  const parts = offsets(window.kernel).map((offset) => {
    const seen = g.reshape(seenBy(c, window, image, offset), right)
    const products = flipped ? g.matMul(seen, turned(g, dy, 3)) : g.matMul(dy, turned(g, seen, 3))
    const sum = g.reduceSum(depthwise ? g.reshape(products, [images, outputs, 1]) : products, [0], false)
    return g.reshape(flipped ? g.transpose(sum, [1, 0]) : sum, [outputs, inputs, 1])
  })
  return g.reshape(parts.length === 1 ? parts[0]! : g.concat(parts, 2), weightShape)
}

/** The images' places side by side, and one product for all places of the kernel. */
function byChannel(c: RuleContext, window: Window, groups: number): string {
  const { g } = c
  const weightShape = c.shape(c.node.inputs[1]!)
  const [outputs, inputs] = weightShape as [number, number]
  const places = c.outputShape[0]! * sizeOf(window.output)
  const taps = sizeOf(window.kernel)
  const image = padded(c, window, true)
  const dy = g.reshape(swap(c, c.dy), [groups, outputs / groups, places])
  const seen = offsets(window.kernel).map((offset) =>
    g.reshape(seenBy(c, window, image, offset), [groups, inputs, places]),
  )
  const columns = seen.length === 1 ? seen[0]! : g.concat(seen, 1)
  // [groups, outputs / groups, taps, inputs]
  const sums = g.reshape(g.matMul(dy, turned(g, columns, 3)), [outputs, taps, inputs])
  return g.reshape(taps === 1 ? sums : g.transpose(sums, [0, 2, 1]), weightShape)
}

/** The image convolved with its gradient, images in the place of channels. */
function byConvolution(c: RuleContext, window: Window, groups: number): string {
  const { g } = c
  const images = c.outputShape[0]!
  const size = window.input.map((edge, axis) => edge + window.padsBefore[axis]! + Math.max(0, window.padsAfter[axis]!))
  const image = g.reshape(padded(c, window, true), [1, groups * images, ...size])
  const sums = g.conv(image, swap(c, c.dy), undefined, {
    group: groups,
    dilations: window.strides,
    strides: window.dilations,
  })
  const found = size.map(
    (edge, axis) =>
      Math.floor((edge - (window.output[axis]! - 1) * window.strides[axis]! - 1) / window.dilations[axis]!) + 1,
  )
  const weightShape = c.shape(c.node.inputs[1]!)
  // Pixels that no window reached make rows beyond the kernel.
  const axes = range(window.kernel.length).filter((axis) => found[axis] !== window.kernel[axis])
  const cut =
    axes.length === 0
      ? sums
      : g.slice(
          sums,
          axes.map(() => 0),
          axes.map((axis) => window.kernel[axis]!),
          axes.map((axis) => axis + 2),
        )
  return g.reshape(cut, weightShape)
}

/**
 * The transposed convolution is a convolution's gradient: its own gradients are that convolution, and the convolution's weight gradient with
 * image and output in each other's place.
 */
const convTranspose: Rule = (c) => {
  const { g } = c
  const [x, weight, bias] = c.node.inputs as [string, string, string?]
  const window = transposedWindow(c)
  const groups = c.integer('group', 1)
  const { strides, dilations, padsBefore, padsAfter } = window
  const dx = () => {
    const all = g.conv(c.dy, weight, undefined, {
      strides,
      dilations,
      group: groups,
      pads: [...padsBefore, ...padsAfter],
    })
    // A margin of the output that no place reaches may hold one more window.
    const axes = range(window.output.length).map((axis) => axis + 2)
    return g.slice(
      all,
      axes.map(() => 0),
      window.output,
      axes,
    )
  }
  const asConvolution: RuleContext = {
    ...c,
    node: { ...c.node, inputs: [c.dy, weight] },
    dy: x,
    outputShape: c.shape(x),
    shape: (name) => (name === c.dy ? c.outputShape : c.shape(name)),
  }
  return [
    c.wants(0) ? dx() : undefined,
    c.wants(1) ? weightGradient(asConvolution, window, groups) : undefined,
    bias && c.wants(2) ? g.reduceSum(c.dy, otherAxes(c.outputShape.length, 1), false) : undefined,
  ]
}

/** The window of the convolution that goes from a transposed convolution's output to its input. */
function transposedWindow(c: RuleContext): Window {
  const kernel = c.shape(c.node.inputs[1]!).slice(2)
  const image = c.shape(c.node.inputs[0]!).slice(2)
  const output = c.outputShape.slice(2)
  const strides = c.integers('strides') ?? kernel.map(() => 1)
  const dilations = c.integers('dilations') ?? kernel.map(() => 1)
  const extra = c.integers('output_padding') ?? kernel.map(() => 0)
  const given = c.integers('pads')
  const auto = c.text('auto_pad', 'NOTSET')
  const full = kernel.map((size, axis) => strides[axis]! * (image[axis]! - 1) + (size - 1) * dilations[axis]! + 1)
  const automatic = auto !== 'NOTSET' || c.integers('output_shape') !== undefined
  const before = kernel.map((_, axis) => {
    if (!automatic) return given?.[axis] ?? 0
    const total = Math.max(0, full[axis]! + extra[axis]! - output[axis]!)
    if (auto === 'VALID') return 0
    return auto === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2)
  })
  return {
    kernel,
    strides,
    dilations,
    padsBefore: before,
    // What the windows reach beyond the output; less than nothing where a margin of it is not reached.
    padsAfter: kernel.map((_, axis) => Math.max(0, full[axis]! - before[axis]! - output[axis]!)),
    input: output,
    output: image,
  }
}

export const convolutionRules: Readonly<Record<string, Rule>> = { Conv: conv, ConvTranspose: convTranspose }

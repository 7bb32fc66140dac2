import { type RuleContext, range } from './rule.js'

/** How a convolution or a pooling moves over the image, one number for each spatial axis. */
export interface Window {
  readonly kernel: readonly number[]
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  readonly padsBefore: readonly number[]
  readonly padsAfter: readonly number[]
  readonly input: readonly number[]
  readonly output: readonly number[]
}

export function windowOf(c: RuleContext, kernel: readonly number[]): Window {
  const input = c.shape(c.node.inputs[0]!).slice(2)
  const output = c.outputShape.slice(2)
  const rank = input.length
  const strides = c.integers('strides') ?? kernel.map(() => 1)
  const dilations = c.integers('dilations') ?? kernel.map(() => 1)
  const span = (axis: number) => (kernel[axis]! - 1) * dilations[axis]! + 1
  const auto = c.text('auto_pad', 'NOTSET')
  const pads = c.integers('pads') ?? Array.from({ length: 2 * rank }, () => 0)
  const total = range(rank).map((axis) => Math.max(0, (output[axis]! - 1) * strides[axis]! + span(axis) - input[axis]!))
  const before = range(rank).map((axis) => {
    if (auto === 'SAME_UPPER') return Math.floor(total[axis]! / 2)
    if (auto === 'SAME_LOWER') return Math.ceil(total[axis]! / 2)
    return auto === 'VALID' ? 0 : pads[axis]!
  })
  return {
    kernel,
    strides,
    dilations,
    padsBefore: before,
    // What the windows really reach beyond the image: rounding may leave a margin unread, or (in pooling) read past the padding.
    padsAfter: range(rank).map(
      (axis) => (output[axis]! - 1) * strides[axis]! + span(axis) - input[axis]! - before[axis]!,
    ),
    input,
    output,
  }
}

/** Every position inside a kernel, first axis slowest. */
export function offsets(kernel: readonly number[]): number[][] {
  return kernel.reduce<number[][]>((all, size) => all.flatMap((head) => range(size).map((i) => [...head, i])), [[]])
}

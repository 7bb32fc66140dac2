import { float32 } from '../../model/tensor.js'
import type { Rule, RuleContext } from '../rule.js'
import { alongAxis } from './movement.js'

/** Interpolation is a linear map along each axis; the gradient is its transpose. */
const resize: Rule = (c) => {
  const { g } = c
  const from = c.shape(c.node.inputs[0]!)
  if (c.integer('antialias', 0) !== 0) throw c.unsupported('an antialiased Resize')
  if (c.text('keep_aspect_ratio_policy', 'stretch') !== 'stretch')
    throw c.unsupported('a Resize that keeps the aspect ratio')
  const axes = c.integers('axes')
  const scales = c.node.inputs[2] ? c.numbers(2) : []
  let gradient = c.dy
  from.forEach((size, axis) => {
    const to = c.outputShape[axis]!
    const given = axes ? axes.indexOf(axis) : axis
    const scale = scales[given] ?? to / size
    if (to === size && scale === 1) return
    gradient = alongAxis(
      g,
      gradient,
      axis,
      from.length,
      g.constant(float32(transposedWeights(c, size, to, scale), [size, to])),
    )
  })
  return [gradient]
}

/** `[from, to]`: how much each pixel of the input counts in each pixel of the output. */
function transposedWeights(c: RuleContext, from: number, to: number, scale: number): Float32Array {
  const weights = new Float32Array(from * to)
  const mode = c.text('mode', 'nearest')
  const excludeOutside = c.integer('exclude_outside', 0) === 1
  for (let target = 0; target < to; target++) {
    const place = sourcePlace(c, target, from, to, scale)
    const taps =
      mode === 'linear'
        ? linearTaps(place, from)
        : mode === 'cubic'
          ? cubicTaps(place, c.float('cubic_coeff_a', -0.75))
          : [[nearest(c, place), 1] as const]
    const inside = (index: number) => index >= 0 && index < from
    const total = excludeOutside ? taps.reduce((sum, [index, weight]) => sum + (inside(index) ? weight : 0), 0) : 1
    for (const [index, weight] of taps) {
      if (excludeOutside && !inside(index)) continue
      const at = Math.min(Math.max(index, 0), from - 1)
      weights[at * to + target]! += weight / total
    }
  }
  return weights
}

function sourcePlace(c: RuleContext, target: number, from: number, to: number, scale: number): number {
  const mode = c.text('coordinate_transformation_mode', 'half_pixel')
  switch (mode) {
    case 'half_pixel':
      return (target + 0.5) / scale - 0.5
    case 'pytorch_half_pixel':
      return to > 1 ? (target + 0.5) / scale - 0.5 : 0
    case 'align_corners':
      return to > 1 ? (target * (from - 1)) / (to - 1) : 0
    case 'asymmetric':
      return target / scale
    case 'half_pixel_symmetric': {
      const adjustment = to / (scale * from)
      return (from / 2) * (1 - adjustment) + (target + 0.5) / scale - 0.5
    }
    default:
      throw c.unsupported(`a Resize with the coordinates ${mode}`)
  }
}

type Tap = readonly [index: number, weight: number]

function linearTaps(place: number, from: number): Tap[] {
  const held = Math.min(Math.max(place, 0), from - 1)
  const low = Math.floor(held)
  return [
    [low, 1 - (held - low)],
    [low + 1, held - low],
  ]
}

function cubicTaps(place: number, a: number): Tap[] {
  const low = Math.floor(place)
  const t = place - low
  const near = (d: number) => (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1
  const far = (d: number) => a * d ** 3 - 5 * a * d ** 2 + 8 * a * d - 4 * a
  return [
    [low - 1, far(1 + t)],
    [low, near(t)],
    [low + 1, near(1 - t)],
    [low + 2, far(2 - t)],
  ]
}

function nearest(c: RuleContext, place: number): number {
  switch (c.text('nearest_mode', 'round_prefer_floor')) {
    case 'floor':
      return Math.floor(place)
    case 'ceil':
      return Math.ceil(place)
    case 'round_prefer_ceil':
      return Math.floor(place + 0.5)
    default:
      return Math.ceil(place - 0.5)
  }
}

export const resizeRules: Readonly<Record<string, Rule>> = { Resize: resize }

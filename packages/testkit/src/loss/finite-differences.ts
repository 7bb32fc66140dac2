import { createRandom } from '@lookalike/core'

export interface Slope {
  /** Along the direction, from values. */
  readonly numeric: number
  /** Along the direction, from the gradient. */
  readonly analytic: number
  /** How far float32 and the step leave `numeric` in doubt. */
  readonly doubt: number
}

/**
 * Slopes of a function along random directions of one of its arrays, by central differences at two steps. Where the two do not agree
 * there is a kink near by, and the direction is left out.
 *
 * @param value computes the function; `array` is changed in place meanwhile and restored.
 */
export async function slopes(
  value: () => Promise<number>,
  array: Float32Array,
  gradient: Float32Array,
  directions: number,
  step: number,
): Promise<Slope[]> {
  const random = createRandom(`directions ${array.length}`)
  const held = array.slice()
  const found: Slope[] = []
  for (let attempt = 0; attempt < directions * 2 && found.length < directions; attempt++) {
    // Sparse directions, so that a mistake in a few values does not drown.
    const direction = Float32Array.from(held, () =>
      random.next() < Math.max(0.2, 2 / held.length) ? random.normal() : 0,
    )
    const length = Math.hypot(...direction)
    if (length === 0) continue
    const at = async (by: number) => {
      for (let i = 0; i < array.length; i++) array[i] = held[i]! + (by * direction[i]!) / length
      return value()
    }
    try {
      const wide = [await at(step), await at(-step)] as const
      const narrow = [await at(step / 2), await at(-step / 2)] as const
      const [coarse, fine] = [(wide[0] - wide[1]) / (2 * step), (narrow[0] - narrow[1]) / step]
      let analytic = 0
      for (let i = 0; i < held.length; i++) analytic += (gradient[i]! * direction[i]!) / length
      const rounding = (2 ** -22 * Math.max(1, Math.abs(wide[0]))) / step
      const doubt = Math.abs(coarse - fine) + 4 * rounding
      if (Math.abs(coarse - fine) <= 0.02 * Math.max(Math.abs(fine), rounding * 50))
        found.push({ numeric: fine + (fine - coarse) / 3, analytic, doubt })
    } finally {
      array.set(held)
    }
  }
  return found
}

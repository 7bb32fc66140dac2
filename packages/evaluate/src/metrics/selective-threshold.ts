import { LookalikeError } from '@lookalike/core'
import { checkFinite, checkRate } from './check-pairs.js'
import { checkSame } from './conformal-threshold.js'

/** Coverages that are tried, in equal steps. */
const STEPS = 20

export interface SelectiveThreshold {
  /** Decisions with an uncertainty at most this are accepted. */
  readonly threshold: number
  /** Share of the calibration part that is accepted, and its error rate. */
  readonly coverage: number
  readonly risk: number
  /** What the error rate among the accepted stays below, with the confidence asked for. */
  readonly bound: number
}

/**
 * The largest share of decisions to accept whose error rate is at most `target`, by the exact binomial bound on each of 20
 * coverages (Geifman and El-Yaniv, "Selective Classification for Deep Neural Networks", NeurIPS 2017, with the confidence shared
 * among the coverages).
 *
 * Guarantee: for decisions drawn independently and alike, the error rate among accepted new ones is at most `target` in at least
 * a `confidence` of all calibrations. Where the mean over calibrations is enough, {@link decisionThreshold} accepts more.
 *
 * @param uncertainty one a decision of the calibration part, larger = less sure
 * @param wrong whether each was wrong
 * @throws `metrics/target` when no share of them is that good, with the lowest bound that there is; `metrics/shape`,
 * `metrics/range`, `metrics/not-finite`
 */
export function selectiveThreshold(
  uncertainty: ArrayLike<number>,
  wrong: ArrayLike<boolean | number>,
  { target, confidence = 0.9 }: { readonly target: number; readonly confidence?: number | undefined },
): SelectiveThreshold {
  checkSame(uncertainty.length, wrong.length)
  checkFinite('uncertainty', uncertainty)
  checkRate('A risk', target)
  checkRate('A confidence', confidence)
  const count = wrong.length
  const order = Int32Array.from({ length: count }, (_, i) => i).sort((a, b) => uncertainty[a]! - uncertainty[b]!)
  const errors = new Int32Array(count + 1)
  order.forEach((i, at) => (errors[at + 1] = errors[at]! + (wrong[i] ? 1 : 0)))
  let lowest = 1
  for (let step = STEPS; step >= 1; step--) {
    const threshold = uncertainty[order[Math.max(1, Math.round((count * step) / STEPS)) - 1]!]!
    let accepted = 0
    while (accepted < count && uncertainty[order[accepted]!]! <= threshold) accepted++
    const bound = upperBound(errors[accepted]!, accepted, (1 - confidence) / STEPS)
    if (bound <= target) return { threshold, coverage: accepted / count, risk: errors[accepted]! / accepted, bound }
    lowest = Math.min(lowest, bound)
  }
  throw new LookalikeError(
    'metrics/target',
    {
      problem: `No share of the ${count} calibration decisions has an error of at most ${target} with a confidence of ${confidence}`,
      expected: `a target of at least ${lowest.toPrecision(2)}, or more decisions`,
    },
    { fields: { target, confidence, decisions: count, lowest } },
  )
}

/** The largest error rate at which so few errors among n still have the probability `delta` (Clopper and Pearson). */
function upperBound(errors: number, n: number, delta: number): number {
  let [low, high] = [errors / n, 1]
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2
    if (atMost(errors, n, middle) > delta) low = middle
    else high = middle
  }
  return high
}

/** Probability of at most k errors among n, each with the probability p. */
function atMost(k: number, n: number, p: number): number {
  if (k >= n) return 1
  if (p >= 1) return 0
  // Logarithms: the first terms may be smaller than any number.
  const odds = Math.log(p) - Math.log1p(-p)
  let term = n * Math.log1p(-p)
  let sum = Math.exp(term)
  for (let i = 1; i <= k; i++) {
    term += Math.log((n - i + 1) / i) + odds
    sum += Math.exp(term)
  }
  return sum
}

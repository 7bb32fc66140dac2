import { LookalikeError } from '@lookalike/core'
import { checkRate } from './check-pairs.js'

/*
 * Conformal risk control: Angelopoulos, Bates, Fisch, Lei, Schuster, "Conformal Risk Control", ICLR 2024, arXiv 2208.02814,
 * for losses of 0 and 1.
 */

/**
 * The largest threshold below which harm stays rare. Each case of the calibration part has a critical value: harm is done as soon
 * as the threshold lies above it (`Infinity`: never).
 *
 * Guarantee: if a new case and the n of the calibration part are exchangeable (drawn alike, independently or in a random
 * order), the new one's critical value lies below the threshold with a probability of at most `target`, over the draw of all
 * n + 1. It is one calibration in the mean, not each; and it says nothing of cases that come from elsewhere.
 *
 * @param critical one a case of the calibration part
 * @param target in [0, 1]
 * @returns `Infinity` where even no threshold does so little harm
 * @throws `metrics/target` when the part is too small for the target: n cases can promise 1 / (n + 1) at best;
 * `metrics/range`, `metrics/not-finite`
 *
 * @example
 * conformalThreshold([0.9, 0.2, 0.5, 0.7], 0.4) // 0.5: of 5 cases one may lie below
 */
export function conformalThreshold(critical: ArrayLike<number>, target: number): number {
  checkRate('A risk', target)
  const count = critical.length
  for (let i = 0; i < count; i++) {
    if (typeof critical[i] !== 'number' || Number.isNaN(critical[i])) {
      throw new LookalikeError(
        'metrics/not-finite',
        { problem: `The critical value ${i} is ${String(critical[i])}`, expected: 'a number, or Infinity' },
        { fields: { entry: i } },
      )
    }
  }
  // Cases below the threshold, the new one counted as harmed: (allowed + 1) / (n + 1) <= target.
  const allowed = Math.floor(target * (count + 1) + 1e-9) - 1
  if (allowed < 0) {
    const needed = target > 0 ? Math.ceil(1 / target - 1e-9) - 1 : Infinity
    throw new LookalikeError(
      'metrics/target',
      {
        problem: `${count} calibration cases cannot promise a risk of ${target}`,
        expected: needed === Infinity ? 'a risk above 0' : `at least ${needed} cases for it`,
        fix: `Calibrate on more, or ask for at least ${(1 / (count + 1)).toPrecision(2)}.`,
      },
      { fields: { cases: count, target, needed } },
    )
  }
  return Float64Array.from(critical).sort()[allowed] ?? Infinity
}

/**
 * The threshold of an uncertainty below which decisions are accepted, such that a decision is accepted *and* wrong with a
 * probability of at most `target` ({@link conformalThreshold} states the guarantee). Divided by the share that is accepted, this
 * bounds the error among the accepted; for a bound on that error itself see {@link selectiveThreshold}.
 *
 * @param uncertainty one a decision of the calibration part, larger = less sure
 * @param wrong whether each was wrong
 */
export function decisionThreshold(
  uncertainty: ArrayLike<number>,
  wrong: ArrayLike<boolean | number>,
  target: number,
): number {
  checkSame(uncertainty.length, wrong.length)
  return conformalThreshold(
    Float64Array.from(wrong, (one, i) => (one ? uncertainty[i]! : Infinity)),
    target,
  )
}

/** @throws `metrics/shape`. */
export function checkSame(uncertainties: number, decisions: number): void {
  if (uncertainties === decisions && decisions > 0) return
  throw new LookalikeError('metrics/shape', {
    problem: `${uncertainties} uncertainties came with ${decisions} decisions`,
    expected: 'one each, and at least one',
  })
}

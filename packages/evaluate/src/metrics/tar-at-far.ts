import { checkPairs } from './check-pairs.js'

/**
 * True accept rate at given false accept rates: the share of same-class pairs nearer than a threshold, which is as large as it
 * can be while the share of accepted impostors stays within the rate. Unlike {@link fnmrAtFmr}, which interpolates between
 * distances as OML does, the rate is never exceeded on the pairs given.
 *
 * @param positive distances of same-class pairs, each pair once
 * @param negative distances of pairs of different classes
 * @param fars each in [0, 1]
 * @returns one rate for each of `fars`
 * @throws `metrics/shape`, `metrics/range`, `metrics/not-finite`
 */
export function tarAtFar(positive: ArrayLike<number>, negative: ArrayLike<number>, fars: readonly number[]): number[] {
  checkPairs(positive, negative, fars)
  const sorted = Float64Array.from(negative).sort()
  return fars.map((far) => {
    // The tiny share keeps 0.2 of 5 at 1.
    const threshold = sorted[Math.floor(far * sorted.length + 1e-9)] ?? Infinity
    let accepted = 0
    for (let i = 0; i < positive.length; i++) if (positive[i]! < threshold) accepted++
    return accepted / positive.length
  })
}

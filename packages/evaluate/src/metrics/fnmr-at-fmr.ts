import { checkPairs } from './check-pairs.js'

/**
 * False non-match rate at given false match rates: the threshold is the fmr-quantile (linear interpolation) of the
 * distances between different classes, and same-class pairs at or beyond it are not matched. OML's definition.
 *
 * @param positive distances of same-class pairs, each pair once
 * @param negative distances of pairs of different classes
 * @param fmrs each in [0, 1]
 * @returns one rate for each of `fmrs`
 * @throws `metrics/shape`, `metrics/range`, `metrics/not-finite`
 */
export function fnmrAtFmr(positive: ArrayLike<number>, negative: ArrayLike<number>, fmrs: readonly number[]): number[] {
  checkPairs(positive, negative, fmrs)
  const sorted = Float64Array.from(negative).sort()
  return fmrs.map((fmr) => {
    const place = fmr * (sorted.length - 1)
    const low = Math.floor(place)
    const below = sorted[low]!
    const threshold = below + (place - low) * ((sorted[low + 1] ?? below) - below)
    let missed = 0
    for (let i = 0; i < positive.length; i++) if (positive[i]! >= threshold) missed++
    return missed / positive.length
  })
}

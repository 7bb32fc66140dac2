/**
 * Metrics of one query as pure functions. `hits`: ranks of the right answers, from 1, ascending; `relevant`: number of
 * right answers in the gallery (R); k: ranks that count. `pml` is pytorch-metric-learning, `oml` open-metric-learning.
 */

function hitsWithin(hits: Int32Array, k: number): number {
  let count = 0
  while (count < hits.length && hits[count]! <= k) count++
  return count
}

/** Sum of the precisions at each right answer within the first k. */
function precisionSum(hits: Int32Array, k: number): number {
  let sum = 0
  for (let i = 0; i < hits.length && hits[i]! <= k; i++) sum += (i + 1) / hits[i]!
  return sum
}

/** 1 when one of the first k is right, else 0. The same as CMC@k. */
export const recallAtK = (hits: Int32Array, _relevant: number, k: number): number =>
  hits.length > 0 && hits[0]! <= k ? 1 : 0

/** Share of the first k that is right. A query with fewer than k right answers cannot reach 1. */
export const precisionAtK = (hits: Int32Array, _relevant: number, k: number): number => hitsWithin(hits, k) / k

/** OML's: share of `min(R, k)`, so that 1 is always reached by the best order. */
export const omlPrecisionAtK = (hits: Int32Array, relevant: number, k: number): number =>
  hitsWithin(hits, k) / Math.min(relevant, k)

/** Average precision over the first k: sum of precisions at the right answers, divided by `min(R, k)`. */
export const averagePrecisionAtK = (hits: Int32Array, relevant: number, k: number): number =>
  precisionSum(hits, k) / Math.min(relevant, k)

/** OML's: divided by the number of right answers within the first k, so that missing ones do not count; 0 if none. */
export const omlAveragePrecisionAtK = (hits: Int32Array, _relevant: number, k: number): number =>
  precisionSum(hits, k) / Math.max(1, hitsWithin(hits, k))

/** MAP@R of one query (Musgrave et al., "A Metric Learning Reality Check"): average precision over the first R. */
export const averagePrecisionAtR = (hits: Int32Array, relevant: number): number =>
  precisionSum(hits, relevant) / relevant

/** Share of the first R that is right. */
export const rPrecision = (hits: Int32Array, relevant: number): number => hitsWithin(hits, relevant) / relevant

/** 1 over the rank of the first right answer; 0 when it stands behind k. */
export const reciprocalRank = (hits: Int32Array, _relevant: number, k: number): number =>
  hits.length > 0 && hits[0]! <= k ? 1 / hits[0]! : 0

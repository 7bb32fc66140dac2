import { logistic } from '@lookalike/core'
import type { Neighbourhood } from './measure-reranking.js'

/** `scale * (distance - middle)` as the logit of "different". */
export interface StageOneTerm {
  readonly scale: number
  readonly middle: number
}

const STEPS = 50

/**
 * What the encoder's distance alone says about the pairs of search results: logistic regression on the distance, by Newton's method.
 *
 * @returns undefined where distances do not tell the pairs apart in the right direction
 */
export function fitStageOne(lists: readonly Neighbourhood[], labels: Int32Array): StageOneTerm | undefined {
  const pairs = lists.flatMap(({ query, candidates, distances }) =>
    candidates.map((candidate, i) => ({ x: distances[i]!, y: labels[query] === labels[candidate] ? 0 : 1 })),
  )
  let [slope, offset] = [0, 0]
  for (let step = 0; step < STEPS; step++) {
    // A little ridge keeps pairs that are told apart without error from an infinite slope.
    let [g0, g1, h00, h01, h11] = [0, 1e-6 * slope, 1e-9, 0, 1e-6]
    for (const { x, y } of pairs) {
      const p = logistic(slope * x + offset)
      const w = p * (1 - p)
      g0 += p - y
      g1 += (p - y) * x
      h00 += w
      h01 += w * x
      h11 += w * x * x
    }
    const determinant = h00 * h11 - h01 * h01
    if (!(determinant > 0)) break
    offset -= (h11 * g0 - h01 * g1) / determinant
    slope -= (h00 * g1 - h01 * g0) / determinant
  }
  return slope > 0 && Number.isFinite(slope) ? { scale: slope, middle: -offset / slope } : undefined
}

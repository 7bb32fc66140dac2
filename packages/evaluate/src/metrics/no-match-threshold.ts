import { LookalikeError } from '@lookalike/core'
import { checkFinite } from './check-pairs.js'
import { conformalThreshold } from './conformal-threshold.js'

export interface NoMatchThreshold {
  /** A query whose best result is at this distance or farther has no match. */
  readonly threshold: number
  /** Share of the calibration queries without a mate that are answered all the same. */
  readonly falseMatches: number
  /** Share of those with a mate that are not answered; undefined without such queries. */
  readonly missed: number | undefined
}

/**
 * From which distance on "no match" is the answer of a search, such that a query without a mate in the gallery is answered with a
 * probability of at most `target`; {@link conformalThreshold} states the guarantee. Search scores count as distances when negated.
 *
 * @param scores.unmated distance of the best result of queries that have no mate, one a query
 * @param scores.mated the same of queries that have one; they show what the threshold costs
 * @param target in [0, 1]
 * @throws `metrics/shape`, `metrics/not-finite`, `metrics/range`, `metrics/target`
 *
 * @example
 * noMatchThreshold({ unmated: [0.6, 0.5, 0.9, 0.8], mated: [0.1, 0.55] }, 0.4).threshold // 0.6
 */
export function noMatchThreshold(
  scores: { readonly unmated: ArrayLike<number>; readonly mated?: ArrayLike<number> | undefined },
  target: number,
): NoMatchThreshold {
  const { unmated, mated = [] } = scores
  if (!(unmated?.length > 0)) {
    throw new LookalikeError('metrics/shape', {
      problem: 'No query without a mate came',
      expected: 'distances of at least one',
      fix: 'Search a gallery without the classes of some queries.',
    })
  }
  checkFinite('best distance of query without a mate', unmated)
  checkFinite('best distance of query with a mate', mated)
  const threshold = conformalThreshold(unmated, target)
  const below = (values: ArrayLike<number>) => {
    let count = 0
    for (let i = 0; i < values.length; i++) if (values[i]! < threshold) count++
    return count / values.length
  }
  return { threshold, falseMatches: below(unmated), missed: mated.length > 0 ? 1 - below(mated) : undefined }
}

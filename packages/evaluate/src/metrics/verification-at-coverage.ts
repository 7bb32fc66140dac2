import { LookalikeError, type Ranking } from '@lookalike/core'
import { fnmrAtFmr } from './fnmr-at-fmr.js'
import { keptByUncertainty } from './gallery-rejection.js'
import { tarAtFar } from './tar-at-far.js'
import { createRelevance, type Truth } from './truth.js'

/**
 * FNMR at a false match rate, and TAR at that false accept rate, over the pairs of queries and gallery images as the least sure
 * images are rejected.
 *
 * @param rankings one a query, with the distances of every gallery row that the query may find
 * @param uncertainty one value a gallery row, larger = less sure
 * @param options.rate the false match rate, in [0, 1]
 * @returns one rate a coverage; NaN where no pair of one kind is left
 * @throws `metrics/depth` when a list is not whole, and as `galleryRejection`, `tarAtFar`
 */
export function verificationAtCoverage(
  rankings: readonly Ranking[],
  truth: Truth,
  uncertainty: ArrayLike<number>,
  { coverages, rate }: { readonly coverages: readonly number[]; readonly rate: number },
): { readonly coverage: readonly number[]; readonly fnmr: readonly number[]; readonly tar: readonly number[] } {
  const relevance = createRelevance(truth)
  const keptAt = keptByUncertainty(rankings, relevance, uncertainty, coverages)
  const rates = coverages.map((coverage) => {
    const kept = keptAt(coverage)
    const positive: number[] = []
    const negative: number[] = []
    rankings.forEach(({ positions, distances }, query) => {
      const right = new Set(relevance.relevantTo(query))
      const excluded = relevance.excludedFrom(query)
      let seen = 0
      positions.forEach((position, at) => {
        if (excluded.has(position)) return
        seen++
        if (kept(position)) (right.has(position) ? positive : negative).push(distances[at]!)
      })
      if (seen !== relevance.gallery - excluded.size) {
        throw new LookalikeError(
          'metrics/depth',
          {
            problem: `The list of query ${query} has ${seen} of ${relevance.gallery - excluded.size} gallery rows`,
            expected: 'every gallery row that the query may find',
          },
          { fields: { query } },
        )
      }
    })
    if (positive.length === 0 || negative.length === 0) return { fnmr: NaN, tar: NaN }
    return { fnmr: fnmrAtFmr(positive, negative, [rate])[0]!, tar: tarAtFar(positive, negative, [rate])[0]! }
  })
  return { coverage: coverages, fnmr: rates.map(({ fnmr }) => fnmr), tar: rates.map(({ tar }) => tar) }
}

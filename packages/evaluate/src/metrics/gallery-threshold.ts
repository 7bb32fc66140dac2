import { LookalikeError, type Ranking } from '@lookalike/core'
import { conformalThreshold } from './conformal-threshold.js'
import { keptByUncertainty } from './gallery-rejection.js'
import { createRelevance, type Truth } from './truth.js'

/**
 * The uncertainty from which on gallery images are rejected, such that a query that has a mate in what stays gets a wrong first
 * result with a probability of at most `target`, counted among all queries that had one in the gallery;
 * {@link conformalThreshold} states the guarantee. The calibration queries must be drawn like those to come, and search the same gallery.
 *
 * A query errs at a threshold when some mate is below it and the first result below it is wrong. With several mates an error can
 * come and go as the threshold falls; then the lowest threshold with an error counts, which is on the safe side.
 *
 * @param rankings one a calibration query, as deep as their mates
 * @param uncertainty one value a gallery row
 * @throws `metrics/target` also where no image would stay; `metrics/shape`, `metrics/not-finite`, `metrics/range`
 */
export function galleryThreshold(
  rankings: readonly Ranking[],
  truth: Truth,
  uncertainty: ArrayLike<number>,
  target: number,
): number {
  const relevance = createRelevance(truth)
  keptByUncertainty(rankings, relevance, uncertainty, [])
  const critical = rankings.flatMap(({ positions }, query) => {
    const right = new Set(relevance.relevantTo(query))
    if (right.size === 0) return []
    const excluded = relevance.excludedFrom(query)
    const list = positions.filter((position) => !excluded.has(position))
    return [firstError(list, right, uncertainty)]
  })
  const threshold = conformalThreshold(critical, target)
  if (Array.prototype.some.call(uncertainty, (value: number) => value < threshold)) return threshold
  throw new LookalikeError(
    'metrics/target',
    {
      problem: `A risk of ${target} cannot be met: the surest of ${uncertainty.length} gallery images would have to be rejected too`,
      expected: `a target above it; with nothing rejected the risk of the ${critical.length} calibration queries is ${(critical.filter((value) => value < Infinity).length / critical.length).toPrecision(2)} at most`,
      fix: 'Ask for a higher risk, or for a share of the gallery instead.',
    },
    { fields: { target, queries: critical.length } },
  )
}

/**
 * The value above which a threshold makes the query err: a wrong image and a mate behind it are kept while all mates ahead of
 * the wrong one are rejected. A mate behind the end of the list counts as right behind it.
 */
function firstError(list: Int32Array, right: ReadonlySet<number>, uncertainty: ArrayLike<number>): number {
  const listed = new Set(list)
  let behind = Infinity
  for (const mate of right) if (!listed.has(mate)) behind = Math.min(behind, uncertainty[mate]!)
  const surestBehind = new Float64Array(list.length)
  for (let i = list.length - 1; i >= 0; i--) {
    surestBehind[i] = behind
    if (right.has(list[i]!)) behind = Math.min(behind, uncertainty[list[i]!]!)
  }
  let surestAhead = Infinity
  let lowest = Infinity
  list.forEach((position, i) => {
    if (right.has(position)) surestAhead = Math.min(surestAhead, uncertainty[position]!)
    else {
      const critical = Math.max(uncertainty[position]!, surestBehind[i]!)
      if (critical < surestAhead) lowest = Math.min(lowest, critical)
    }
  })
  return lowest
}

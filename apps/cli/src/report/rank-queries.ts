import { type DatasetItem, type EvaluationResult, isRelevant, type Ranking } from '@lookalike/core'

/** How well one query went: average precision over its first R results, R = its number of right answers in the gallery. */
export function queryScores(result: EvaluationResult, rankings: readonly Ranking[]): Float64Array {
  const perLabel = new Map<string, number>()
  for (const { label } of result.gallery) perLabel.set(label, (perLabel.get(label) ?? 0) + 1)
  return Float64Array.from(result.queries, (query, row) => {
    const { positions } = rankings[row]!
    const depth = Math.min(positions.length, Math.max(1, perLabel.get(query.label) ?? 1))
    let right = 0
    let sum = 0
    for (let i = 0; i < depth; i++) {
      if (!isRelevant(query, result.gallery[positions[i]!]!)) continue
      right++
      sum += right / (i + 1)
    }
    return sum / depth
  })
}

/**
 * Rows with the lowest scores, of different labels as far as there are enough. Of equals a spread over the dataset: the
 * first ones would all look alike, since datasets are sorted.
 */
export function lowest(scores: ArrayLike<number>, queries: readonly DatasetItem[], count: number): number[] {
  const order = Array.from({ length: scores.length }, (_, row) => row).sort(
    (a, b) => scores[a]! - scores[b]! || spread(a) - spread(b),
  )
  const seen = new Set<string>()
  const fresh: number[] = []
  const others: number[] = []
  for (const row of order) {
    const { label } = queries[row]!
    if (fresh.length < count && !seen.has(label)) fresh.push(row)
    else if (others.length < count) others.push(row)
    seen.add(label)
  }
  return [...fresh, ...others].slice(0, count)
}

export function highest(scores: ArrayLike<number>, queries: readonly DatasetItem[], count: number): number[] {
  return lowest(
    Array.from(scores, (score) => -score),
    queries,
    count,
  )
}

/** A fixed order without a pattern: Knuth's multiplicative hash. */
function spread(row: number): number {
  return Math.imul(row + 1, 0x9e3779b1) >>> 0
}

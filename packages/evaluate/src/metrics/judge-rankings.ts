import { LookalikeError, type Ranking } from '@lookalike/core'
import { createJudgement, type JudgedQuery, type Judgement } from './judgement.js'
import { createRelevance, type Truth } from './truth.js'

/**
 * Judges lists of results. They may be shorter than the gallery; a metric that needs more ranks then says so.
 *
 * @param beyond a complete judgement of the lists before a reranker permuted their beginnings: it fills in the right
 * answers that stand behind the end of each list, so that metrics over the whole gallery stay exact
 * @param cut whether a reranker left out what is missing in the lists: right answers behind their ends are then never found
 * @throws `metrics/truth` when rankings and truth do not fit each other.
 */
export function judgeRankings(rankings: readonly Ranking[], truth: Truth, beyond?: Judgement, cut = false): Judgement {
  const relevance = createRelevance(truth)
  if (rankings.length !== relevance.queries) {
    throw new LookalikeError(
      'metrics/truth',
      {
        problem: `${rankings.length} rankings came with the labels of ${relevance.queries} queries`,
        expected: 'one ranking a query',
      },
      { fields: { rankings: rankings.length, queries: relevance.queries } },
    )
  }
  const before = new Map(beyond?.queries.map((judged) => [judged.query, judged]))
  const judged = rankings.map(({ positions }, query): JudgedQuery | undefined => {
    const relevant = new Set(relevance.relevantTo(query))
    if (relevant.size === 0) return undefined
    const excluded = relevance.excludedFrom(query)
    const hits: number[] = []
    let depth = 0
    for (const position of positions) {
      if (position < 0 || position >= relevance.gallery) {
        throw new LookalikeError(
          'metrics/truth',
          {
            problem: `The ranking of query ${query} names gallery position ${position}`,
            expected: `positions below ${relevance.gallery}, the number of gallery labels`,
          },
          { fields: { query, position, gallery: relevance.gallery } },
        )
      }
      if (excluded.has(position)) continue
      depth++
      if (relevant.has(position)) hits.push(depth)
    }
    if (cut)
      return {
        query,
        hits: Int32Array.from(hits),
        relevant: relevant.size,
        depth: relevance.gallery - excluded.size,
        complete: true,
      }
    const whole = before.get(query)
    if (whole?.complete && whole.depth > depth) {
      // As many as are missing. An engine's rounding can move an answer across the end of the list, never lose it.
      const missing = relevant.size - hits.length
      for (let i = 0; i < missing; i++) hits.push(Math.max(depth + 1 + i, whole.hits[whole.hits.length - missing + i]!))
      depth = whole.depth
    }
    const complete = depth === relevance.gallery - excluded.size
    return { query, hits: Int32Array.from(hits), relevant: relevant.size, depth, complete }
  })
  return createJudgement(relevance, judged)
}

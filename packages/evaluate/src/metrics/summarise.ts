import { LookalikeError } from '@lookalike/core'
import type { JudgedQuery, Judgement } from './judgement.js'
import { parseMetric } from './parse-metric.js'

export interface Summary {
  /** Mean over the judged queries, by metric name, in [0, 1]. */
  readonly metrics: Readonly<Record<string, number>>
  /** The same by category. */
  readonly categories: Readonly<Record<string, Readonly<Record<string, number>>>>
}

/**
 * Means of metrics over the judged queries; the names are those of `parseMetric`.
 *
 * @param categories category of each query row, where there are categories
 * @throws `metrics/unknown` for a name, `metrics/depth` when the lists are too short for a metric, `metrics/empty` when no
 * query was judged.
 *
 * @example
 * summarise(judgeRankings(rankings, truth), ['recall@1', 'map@r']).metrics['recall@1']
 */
export function summarise(
  judgement: Judgement,
  names: readonly string[],
  categories?: ArrayLike<string | undefined>,
): Summary {
  if (judgement.queries.length === 0) {
    throw new LookalikeError('metrics/empty', {
      problem: 'No query has an image of its class in the gallery',
      expected: 'at least one query to measure on',
      fix: 'Check that the labels of queries and gallery are spelt alike, and that classes have at least two images.',
    })
  }
  const groups = new Map<string, number[]>()
  judgement.queries.forEach(({ query }, i) => {
    const category = categories?.[query]
    if (category === undefined) return
    const group = groups.get(category)
    if (group) group.push(i)
    else groups.set(category, [i])
  })
  const metrics: Record<string, number> = {}
  const byCategory: Record<string, Record<string, number>> = Object.fromEntries(
    [...groups.keys()].sort().map((name) => [name, {}]),
  )
  for (const name of names) {
    const values = metricByQuery(judgement, name)
    metrics[name] = mean(values)
    for (const [category, members] of groups)
      byCategory[category]![name] = mean(Float64Array.from(members, (i) => values[i]!))
  }
  return { metrics, categories: byCategory }
}

/**
 * One metric's value for each judged query, in the order of `judgement.queries`.
 *
 * @throws `metrics/unknown`, `metrics/depth`
 */
export function metricByQuery(judgement: Judgement, name: string): Float64Array {
  const metric = parseMetric(name)
  return Float64Array.from(judgement.queries, (judged) => {
    const needed = metric.depth(judged.relevant)
    if (!judged.complete && judged.depth < needed) {
      throw new LookalikeError(
        'metrics/depth',
        {
          problem: `${name} looks at ${needed === Infinity ? 'the whole gallery' : `${needed} results`}, and query ${judged.query} has ${judged.depth}`,
          expected: 'longer lists of results',
          fix: 'Search deeper, or measure with judgeEmbeddings, which looks at the whole gallery.',
        },
        { fields: { metric: name, query: judged.query, depth: judged.depth, needed } },
      )
    }
    return metric.of(judged.hits, judged.relevant)
  })
}

export interface WorstQuery extends JudgedQuery {
  readonly value: number
}

/** The queries with the lowest values; of equals those whose first right answer stands further back, then by row. */
export function worstQueries(judgement: Judgement, name: string, count: number): WorstQuery[] {
  const values = metricByQuery(judgement, name)
  const first = ({ hits, depth }: JudgedQuery) => hits[0] ?? depth + 1
  return judgement.queries
    .map((judged, i) => ({ ...judged, value: values[i]! }))
    .sort((a, b) => a.value - b.value || first(b) - first(a) || a.query - b.query)
    .slice(0, count)
}

function mean(values: Float64Array): number {
  let sum = 0
  for (const value of values) sum += value
  return sum / values.length
}

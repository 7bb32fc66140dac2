import { LookalikeError } from '@lookalike/core'
import type { JudgedQuery, Judgement } from './judgement.js'
import { parseMetric, type RankMetric } from './parse-metric.js'

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
  const summary = createSummary(names, categories)
  summary.add(judgement.queries)
  return summary.result()
}

/** Means that are gathered block by block, so that the ranks of a block may be forgotten. */
export interface SummaryBuilder {
  /** Entries that are undefined (no right answer) do not count. */
  add(judged: readonly (JudgedQuery | undefined)[]): void
  /** @throws `metrics/empty` when nothing counted. */
  result(): Summary
}

/** @throws `metrics/unknown` for a name. */
export function createSummary(names: readonly string[], categories?: ArrayLike<string | undefined>): SummaryBuilder {
  const metrics = names.map(parseMetric)
  const all = { count: 0, sums: new Float64Array(names.length) }
  const groups = new Map<string, typeof all>()
  const add = (tally: typeof all, values: Float64Array) => {
    tally.count++
    for (let i = 0; i < values.length; i++) tally.sums[i]! += values[i]!
  }
  const means = ({ count, sums }: typeof all) => Object.fromEntries(names.map((name, i) => [name, sums[i]! / count]))
  return {
    add(judged) {
      for (const query of judged) {
        if (query === undefined) continue
        const values = Float64Array.from(metrics, (metric) => valueOf(metric, query))
        add(all, values)
        const category = categories?.[query.query]
        if (category === undefined) continue
        const group = groups.get(category) ?? { count: 0, sums: new Float64Array(names.length) }
        groups.set(category, group)
        add(group, values)
      }
    },
    result() {
      if (all.count === 0) {
        throw new LookalikeError('metrics/empty', {
          problem: 'No query has an image of its class in the gallery',
          expected: 'at least one query to measure on',
          fix: 'Check that the labels of queries and gallery are spelt alike, and that classes have at least two images.',
        })
      }
      const byName = [...groups].sort(([a], [b]) => (a < b ? -1 : 1))
      return {
        metrics: means(all),
        categories: Object.fromEntries(byName.map(([name, group]) => [name, means(group)])),
      }
    },
  }
}

/**
 * One metric's value for each judged query, in the order of `judgement.queries`.
 *
 * @throws `metrics/unknown`, `metrics/depth`
 */
export function metricByQuery(judgement: Judgement, name: string): Float64Array {
  const metric = parseMetric(name)
  return Float64Array.from(judgement.queries, (judged) => valueOf(metric, judged))
}

function valueOf(metric: RankMetric, judged: JudgedQuery): number {
  const needed = metric.depth(judged.relevant)
  if (!judged.complete && judged.depth < needed) {
    throw new LookalikeError(
      'metrics/depth',
      {
        problem: `${metric.name} looks at ${needed === Infinity ? 'the whole gallery' : `${needed} results`}, and query ${judged.query} has ${judged.depth}`,
        expected: 'longer lists of results',
        fix: 'Search deeper, or measure with judgeEmbeddings, which looks at the whole gallery.',
      },
      { fields: { metric: metric.name, query: judged.query, depth: judged.depth, needed } },
    )
  }
  return metric.of(judged.hits, judged.relevant)
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

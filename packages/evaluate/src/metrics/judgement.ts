import type { Warning } from '@lookalike/core'
import type { Relevance } from './truth.js'

/** Where the right answers of one query stand in its results; every rank metric follows from this. */
export interface JudgedQuery {
  /** Row of the query. */
  readonly query: number
  /** Ranks of the right answers that were found, from 1, ascending; excluded gallery rows are not counted. */
  readonly hits: Int32Array
  /** Number of right answers in the gallery (R), at least 1. */
  readonly relevant: number
  /** Number of ranks that were looked at. */
  readonly depth: number
  /** Whether that is every gallery row that the query may find. */
  readonly complete: boolean
}

export interface Judgement {
  /** In the order of the queries, without those that have no right answer in the gallery. */
  readonly queries: readonly JudgedQuery[]
  /** `metrics/no-answer`, once, with the rows of the queries that were left out. */
  readonly warnings: readonly Warning[]
}

/** Puts a judgement together; a query without right answers has no defined metric and is left out, with a warning. */
export function createJudgement(relevance: Relevance, judged: readonly (JudgedQuery | undefined)[]): Judgement {
  const queries = judged.filter((query): query is JudgedQuery => query !== undefined)
  const left = judged.flatMap((query, row) => (query ? [] : [row]))
  return { queries, warnings: noAnswer(relevance, left) }
}

/** @param left rows of the queries without right answers */
export function noAnswer(relevance: Relevance, left: readonly number[]): readonly Warning[] {
  if (left.length === 0) return []
  const shown = left.slice(0, 5).join(', ')
  const message =
    `${left.length} of ${relevance.queries} queries have no image of their class among the ${relevance.gallery} gallery images ` +
    `and are left out of the metrics: ${left.length === 1 ? 'row' : 'rows'} ${shown}${left.length > 5 ? ', ...' : ''}.`
  return [{ code: 'metrics/no-answer', message, fields: { rows: left, queries: relevance.queries } }]
}

import { createRandom, type GalleryRejection, LookalikeError, type Ranking } from '@lookalike/core'
import { createRelevance, type Relevance, type Truth } from './truth.js'

export interface GalleryRejectionOptions {
  /** Shares of the gallery that stay, each in (0, 1]. */
  readonly coverages: readonly number[]
  /** For the random rejection, which is averaged over `repeats` orders. */
  readonly seed: number
  /** Default 5. */
  readonly repeats?: number
}

/**
 * Risk-coverage curve of a gallery. A query whose right answers were all rejected counts as an error, so that rejecting
 * cannot make the figures look better by making questions impossible (ours); `answerableRisk` leaves such queries out.
 *
 * @param rankings one a query over the whole gallery, deep enough that a kept image is among them
 * @param uncertainty one value a gallery row, larger = less sure
 * @throws `metrics/shape`, `metrics/not-finite`, `metrics/range` for a coverage, `metrics/empty`, `metrics/depth` when a
 * list holds rejected images only.
 */
export function galleryRejection(
  rankings: readonly Ranking[],
  truth: Truth,
  uncertainty: ArrayLike<number>,
  options: GalleryRejectionOptions,
): GalleryRejection {
  const relevance = createRelevance(truth)
  check(rankings, relevance, uncertainty, options.coverages)
  const questions = rankings.flatMap(({ positions }, query) => {
    const relevant = relevance.relevantTo(query)
    if (relevant.length === 0) return []
    const excluded = relevance.excludedFrom(query)
    const list = excluded.size === 0 ? positions : positions.filter((position) => !excluded.has(position))
    return [
      { query, list, relevant, right: new Set(relevant), whole: list.length === relevance.gallery - excluded.size },
    ]
  })
  if (questions.length === 0) {
    throw new LookalikeError('metrics/empty', {
      problem: 'No query has an image of its class in the gallery',
      expected: 'at least one query to measure on',
    })
  }
  const harm = new Float64Array(relevance.gallery)
  for (const { list, right } of questions) if (list.length > 0) harm[list[0]!]! += right.has(list[0]!) ? -1 : 1

  const measure = (scores: ArrayLike<number>) => {
    const rank = ranksOf(scores)
    const points = options.coverages.map((coverage) => {
      const kept = Math.max(1, Math.round(coverage * relevance.gallery))
      let errors = 0
      let answerable = 0
      for (const { query, list, relevant, right, whole } of questions) {
        if (!relevant.some((position) => rank[position]! < kept)) {
          errors++
          continue
        }
        answerable++
        const first = list.find((position) => rank[position]! < kept)
        if (first === undefined && !whole) throw tooShort(query, list.length, coverage)
        if (first === undefined || !right.has(first)) errors++
      }
      const unanswerable = questions.length - answerable
      return {
        risk: errors / questions.length,
        answerable: answerable / questions.length,
        answerableRisk: answerable === 0 ? 1 : (errors - unanswerable) / answerable,
      }
    })
    return {
      risk: points.map(({ risk }) => risk),
      answerable: points.map(({ answerable }) => answerable),
      answerableRisk: points.map((point) => point.answerableRisk),
    }
  }
  const own = measure(uncertainty)
  const oracle = measure(harm)
  const random = createRandom(options.seed)
  const repeats = Array.from({ length: options.repeats ?? 5 }, () => measure(random.permutation(relevance.gallery)))
  const ofRepeats = (which: 'risk' | 'answerableRisk') =>
    options.coverages.map((_, i) => mean(repeats.map((repeat) => repeat[which][i]!)))
  const randomRisk = ofRepeats('risk')
  return {
    coverage: options.coverages,
    risk: own.risk,
    randomRisk,
    oracleRisk: oracle.risk,
    aurc: mean(own.risk),
    randomAurc: mean(randomRisk),
    oracleAurc: mean(oracle.risk),
    answerable: own.answerable,
    answerableRisk: own.answerableRisk,
    randomAnswerableRisk: ofRepeats('answerableRisk'),
  }
}

/** Place of each gallery row when sorted from the surest; equals by position. */
function ranksOf(scores: ArrayLike<number>): Int32Array {
  const order = Int32Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[a]! - scores[b]! || a - b)
  const ranks = new Int32Array(scores.length)
  order.forEach((position, rank) => (ranks[position] = rank))
  return ranks
}

function check(
  rankings: readonly Ranking[],
  relevance: Relevance,
  uncertainty: ArrayLike<number>,
  coverages: readonly number[],
): void {
  if (rankings.length !== relevance.queries || uncertainty.length !== relevance.gallery) {
    throw new LookalikeError('metrics/shape', {
      problem: `${rankings.length} rankings and ${uncertainty.length} uncertainties came with ${relevance.queries} queries and ${relevance.gallery} gallery rows`,
      expected: 'one ranking a query, one uncertainty a gallery row',
    })
  }
  for (let i = 0; i < uncertainty.length; i++) {
    if (!Number.isFinite(uncertainty[i]!)) {
      throw new LookalikeError('metrics/not-finite', {
        problem: `Gallery row ${i} has the uncertainty ${uncertainty[i]}`,
        expected: 'a finite number',
      })
    }
  }
  for (const coverage of coverages) {
    if (!(coverage > 0 && coverage <= 1)) {
      throw new LookalikeError('metrics/range', {
        problem: `A coverage of ${coverage} was asked for`,
        expected: 'a number above 0, at most 1',
      })
    }
  }
}

function tooShort(query: number, length: number, coverage: number): LookalikeError {
  return new LookalikeError(
    'metrics/depth',
    {
      problem: `All ${length} results of query ${query} are rejected at a coverage of ${coverage}`,
      expected: 'longer lists of results',
      fix: 'Search deeper, or leave the small coverages out.',
    },
    { fields: { query, length, coverage } },
  )
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

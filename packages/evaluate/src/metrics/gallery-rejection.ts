import { createRandom, type GalleryRejection, LookalikeError, type Ranking } from '@lookalike/core'
import { createRelevance, type Relevance, type Truth } from './truth.js'

export interface GalleryRejectionOptions {
  /** Shares of the gallery that stay, each in (0, 1]. */
  readonly coverages: readonly number[]
  /** For the random rejection, which is averaged over `repeats` orders. */
  readonly seed: number
  /** Default 5. */
  readonly repeats?: number | undefined
}

/**
 * What rejecting the least sure gallery images does to the error of the first result: among the queries whose right answer was
 * kept, and strictly, with the others as errors. Beside it rejecting at random and by an oracle.
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
  const questions = questionsOf(rankings, relevance)
  const measure = (scores: ArrayLike<number>) => measureOrder(scores, questions, relevance.gallery, options.coverages)

  const own = measure(uncertainty)
  const random = createRandom(options.seed)
  const repeats = Array.from({ length: options.repeats ?? 5 }, () => measure(random.permutation(relevance.gallery)))
  const ofRepeats = (which: 'risk' | 'strictRisk') =>
    options.coverages.map((_, i) => mean(repeats.map((repeat) => repeat[which][i]!)))
  const randomRisk = ofRepeats('risk')
  const oracleRisk = measure(harmOf(questions, relevance.gallery, true)).risk
  return {
    coverage: options.coverages,
    risk: own.risk,
    randomRisk,
    oracleRisk,
    aurc: mean(own.risk),
    randomAurc: mean(randomRisk),
    oracleAurc: mean(oracleRisk),
    answerable: own.answerable,
    strictRisk: own.strictRisk,
    randomStrictRisk: ofRepeats('strictRisk'),
    oracleStrictRisk: measure(harmOf(questions, relevance.gallery, false)).strictRisk,
  }
}

/** A query that has right answers, with its results. */
interface Question {
  readonly query: number
  /** Gallery positions, best first, without what the query may not find. */
  readonly list: Int32Array
  readonly relevant: Int32Array
  readonly right: ReadonlySet<number>
  /** Whether the list has every row that the query may find. */
  readonly whole: boolean
}

function questionsOf(rankings: readonly Ranking[], relevance: Relevance): Question[] {
  const questions = rankings.flatMap(({ positions }, query) => {
    const relevant = relevance.relevantTo(query)
    if (relevant.length === 0) return []
    const excluded = relevance.excludedFrom(query)
    const list = excluded.size === 0 ? positions : positions.filter((position) => !excluded.has(position))
    return [
      { query, list, relevant, right: new Set(relevant), whole: list.length === relevance.gallery - excluded.size },
    ]
  })
  if (questions.length > 0) return questions
  throw new LookalikeError('metrics/empty', {
    problem: 'No query has an image of its class in the gallery',
    expected: 'at least one query to measure on',
  })
}

/**
 * How often an image stands first wrongly, less how often rightly. With `missed`, the answers that an erring query did not find
 * share one more: without them the query cannot err.
 */
function harmOf(questions: readonly Question[], gallery: number, missed: boolean): Float64Array {
  const harm = new Float64Array(gallery)
  for (const { list, right, relevant } of questions) {
    const [first] = list
    const found = first !== undefined && right.has(first)
    if (first !== undefined) harm[first]! += found ? -1 : 1
    if (missed && !found) for (const position of relevant) harm[position]! += 1 / relevant.length
  }
  return harm
}

/** Rejects by falling score and measures at each coverage. */
function measureOrder(
  scores: ArrayLike<number>,
  questions: readonly Question[],
  gallery: number,
  coverages: readonly number[],
) {
  const rank = ranksOf(scores)
  const points = coverages.map((coverage) => {
    const kept = keptOf(coverage, gallery)
    let errors = 0
    let answerable = 0
    for (const { query, list, relevant, right, whole } of questions) {
      if (!relevant.some((position) => rank[position]! < kept)) continue
      answerable++
      const first = list.find((position) => rank[position]! < kept)
      if (first === undefined && !whole) throw tooShort(query, list.length, coverage)
      if (first === undefined || !right.has(first)) errors++
    }
    return {
      risk: answerable === 0 ? 1 : errors / answerable,
      answerable: answerable / questions.length,
      strictRisk: (errors + questions.length - answerable) / questions.length,
    }
  })
  return {
    risk: points.map(({ risk }) => risk),
    answerable: points.map(({ answerable }) => answerable),
    strictRisk: points.map(({ strictRisk }) => strictRisk),
  }
}

/** Which gallery rows stay at a coverage, the least sure being rejected first. Checks its input as `galleryRejection`. */
export function keptByUncertainty(
  rankings: readonly Ranking[],
  relevance: Relevance,
  uncertainty: ArrayLike<number>,
  coverages: readonly number[],
): (coverage: number) => (position: number) => boolean {
  check(rankings, relevance, uncertainty, coverages)
  const rank = ranksOf(uncertainty)
  return (coverage) => {
    const kept = keptOf(coverage, relevance.gallery)
    return (position) => rank[position]! < kept
  }
}

/** Rows that stay, at least one. */
const keptOf = (coverage: number, gallery: number) => Math.max(1, Math.round(coverage * gallery))

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

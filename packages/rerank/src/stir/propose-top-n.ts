import type { Neighbourhood } from './measure-reranking.js'

/** What reranking so many results does. */
export interface TopNFigures {
  readonly topN: number
  /** CMC@topN of the lists as they are: no order of the first topN can do better. */
  readonly ceiling: number
  /** CMC@1 when the first topN are sorted by `logit + scale * distance`. */
  readonly after: number
}

export interface TopNProposal {
  readonly figures: readonly TopNFigures[]
  /** The smallest topN that is not worse than the best by more than the standard error of their paired difference. */
  readonly topN: number
}

const SIZES = [1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100] as const

/**
 * How many results are worth reranking: each costs a pair, so the smallest number that does as well as the best (the rule of one standard error,
 * Breiman et al. 1984, on paired differences).
 *
 * @param lists of at least one candidate each
 * @param logits one for each query's each candidate, in order
 */
export function proposeTopN(
  lists: readonly Neighbourhood[],
  labels: readonly string[],
  logits: Float32Array,
  scale: number,
): TopNProposal {
  const longest = lists.reduce((most, { candidates }) => Math.max(most, candidates.length), 0)
  const sizes = [...new Set([...SIZES.filter((size) => size < longest), longest])].filter((size) => size > 0)
  const outcomes = sizes.map((topN) => outcome(lists, labels, logits, scale, topN))
  const figures = outcomes.map(({ found, first }, i) => ({
    topN: sizes[i]!,
    ceiling: mean(found),
    after: mean(first),
  }))
  const best = figures.reduce((top, { after }, i) => (after > figures[top]!.after ? i : top), 0)
  const topN = sizes.find((_, i) => {
    const lost = outcomes[best]!.first.map((right, query) => right - outcomes[i]!.first[query]!)
    return mean(lost) <= standardError(lost)
  })
  return { figures, topN: topN ?? longest }
}

/** For each query, 1 where a right image is among the first topN, and 1 where one comes first after reranking them. */
function outcome(
  lists: readonly Neighbourhood[],
  labels: readonly string[],
  logits: Float32Array,
  scale: number,
  topN: number,
): { readonly found: number[]; readonly first: number[] } {
  let at = 0
  const found: number[] = []
  const first: number[] = []
  for (const { query, candidates, distances } of lists) {
    const seen = candidates.slice(0, topN)
    const value = (i: number) => logits[at + i]! + scale * distances[i]!
    const best = seen.reduce((top, _, i) => (value(i) < value(top) ? i : top), 0)
    const right = (candidate: number) => (labels[candidate] === labels[query] ? 1 : 0)
    found.push(seen.some(right) ? 1 : 0)
    first.push(right(seen[best]!))
    at += candidates.length
  }
  return { found, first }
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)

function standardError(values: readonly number[]): number {
  const middle = mean(values)
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0)
  return Math.sqrt(squares / Math.max(1, values.length - 1) / Math.max(1, values.length))
}

import { expect, it } from 'vitest'
import type { Neighbourhood } from './measure-reranking.js'
import { proposeTopN } from './propose-top-n.js'

/** A query of class "a" with candidates; `right` says at which rank one of its class stands, `logits` what the pair model says. */
const labels = ['a', 'a', 'b']
const list = (right: number, length: number): Neighbourhood => ({
  query: 0,
  candidates: Array.from({ length }, (_, i) => (i === right ? 1 : 2)),
  distances: Array.from({ length }, (_, i) => i / 10),
})
const repeat = <T>(count: number, value: T) => Array.from({ length: count }, () => value)
/** The pair model is right about everything, up to rank `until`, and sees nothing behind it. */
const knowing = (lists: readonly Neighbourhood[], until: number) =>
  Float32Array.from(
    lists.flatMap(({ candidates }) => candidates.map((candidate, i) => (candidate === 1 && i < until ? -5 : 0))),
  )

it('gives the ceiling and what reranking makes of it, hand-counted', () => {
  const lists = [list(0, 4), list(1, 4), list(3, 4), list(9, 4)]
  const { figures } = proposeTopN(lists, labels, knowing(lists, 3), 1)
  expect(figures).toEqual([
    { topN: 1, ceiling: 0.25, after: 0.25 },
    { topN: 2, ceiling: 0.5, after: 0.5 },
    { topN: 3, ceiling: 0.5, after: 0.5 },
    // At rank 4 the model knows nothing: the first stays first.
    { topN: 4, ceiling: 0.75, after: 0.5 },
  ])
})

it('proposes the least that does as well as the best', () => {
  const lists = [...repeat(40, list(0, 20)), ...repeat(30, list(1, 20)), ...repeat(30, list(9, 20))]
  expect(proposeTopN(lists, labels, knowing(lists, 20), 1).topN).toBe(10)
  expect(proposeTopN(lists, labels, knowing(lists, 5), 1).topN).toBe(2)
  // One query in a hundred is within the error of the difference: it is not worth ten pairs for each.
  const rare = [...repeat(69, list(0, 20)), ...repeat(30, list(1, 20)), list(9, 20)]
  expect(proposeTopN(rare, labels, knowing(rare, 20), 1).topN).toBe(2)
  // A pair model that knows nothing is not worth any.
  expect(proposeTopN(lists, labels, new Float32Array(2000), 1).topN).toBe(1)
  expect(proposeTopN([], labels, new Float32Array(), 1)).toEqual({ figures: [], topN: 0 })
})

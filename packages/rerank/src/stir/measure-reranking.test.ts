import { createEmbeddings } from '@lookalike/core'
import { expect, it } from 'vitest'
import { findLists, findNeighbourhoods, measureReranking } from './measure-reranking.js'

const unit = (degrees: number) => [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)]
const embeddings = createEmbeddings({
  data: Float32Array.from([0, 20, 30, 90].flatMap(unit)),
  rows: 4,
  dim: 2,
  space: 's',
  role: 'any',
})
const labels = ['a', 'b', 'a', 'c']

it('finds the nearest others of items that have a right answer', async () => {
  const lists = await findNeighbourhoods(embeddings, labels, 2)
  expect(lists.map(({ query, candidates }) => [query, ...candidates])).toEqual([
    [0, 1, 2],
    [2, 1, 0],
  ])
  expect(lists[0]!.distances[1]).toBeCloseTo(1 - Math.cos(Math.PI / 6), 6)
})

it('measures before and after, and takes the first weight of the distance that is best', async () => {
  const lists = await findNeighbourhoods(embeddings, labels, 2)
  const logits = Float32Array.of(0.5, -0.5, -0.1, 0.1)
  expect(measureReranking(lists, labels, logits, [0])).toEqual({ before: 0, after: 0.5, scale: 0 })
  expect(
    measureReranking(
      lists,
      labels,
      logits.map((z) => -z),
    ),
  ).toMatchObject({ after: 0.5, scale: 0 })
  // With enough weight on the distance the wrong but nearer candidates are back.
  expect(measureReranking(lists, labels, logits, [1000]).after).toBe(0)
})

it("lists what another encoder finds, with the distances of the pair model's own", async () => {
  const of = (data: number[]) =>
    createEmbeddings({ data: Float32Array.from(data), rows: 3, dim: 2, space: 's', role: 'any' })
  const embeddings = of([1, 0, 0.6, 0.8, 0, 1])
  const labels = ['a', 'a', 'b']
  // By the other, the third lies nearer to the first than the second does.
  const search = of([1, 0, 0, 1, 0.8, 0.6])
  const [own] = await findLists({ embeddings }, labels, 2)
  const [other] = await findLists({ embeddings, search }, labels, 2)
  expect(own).toMatchObject({ query: 0, candidates: [1, 2] })
  expect(other).toMatchObject({ query: 0, candidates: [2, 1] })
  for (const [i, distance] of [1, 0.4].entries()) expect(other!.distances[i]).toBeCloseTo(distance, 6)
})

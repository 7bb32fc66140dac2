import { type Embeddings, selectRows } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import { clusteredVectors, inner, rankAll, requestOf, viewOf } from '../testing/random-gallery.js'
import { createKReciprocal } from './k-reciprocal.js'

/** `int(numpy.around(k1 / 2))`, which the paper's code uses: 2.5 and 4.5 go down, 3.5 goes up. */
const HALF: Readonly<Record<number, number>> = { 5: 2, 6: 3, 7: 4, 8: 4, 9: 4, 12: 6 }

/**
 * The paper's procedure on full matrices, over the set of the query (node 0) and the gallery (node i + 1): all pairs are ranked, the
 * encodings are dense vectors.
 */
function bruteForce(query: Embeddings, gallery: Embeddings, k1: number, k2: number, lambda: number): number[] {
  const n = gallery.rows + 1
  const similarity = (a: number, b: number) =>
    a === 0
      ? b === 0
        ? inner(query, 0, query, 0)
        : inner(query, 0, gallery, b - 1)
      : b === 0
        ? inner(query, 0, gallery, a - 1)
        : inner(gallery, a - 1, gallery, b - 1)
  const all = Array.from({ length: n }, (_, i) => i)
  const initialRank = all.map((i) => [
    i,
    ...all.filter((j) => j !== i).sort((a, b) => similarity(i, b) - similarity(i, a)),
  ])
  const mutual = (i: number, k: number) =>
    initialRank[i]!.slice(0, k + 1).filter((j) => initialRank[j]!.slice(0, k + 1).includes(i))
  const V = all.map((i) => {
    const base = mutual(i, k1)
    let set = [...base]
    for (const candidate of base) {
      const theirs = mutual(candidate, HALF[k1]!)
      if (theirs.filter((j) => base.includes(j)).length > (2 / 3) * theirs.length) set = [...set, ...theirs]
    }
    const row = all.map(() => 0)
    for (const j of new Set(set)) row[j] = Math.exp(similarity(i, j) - 1)
    const sum = row.reduce((a, b) => a + b)
    return row.map((value) => value / sum)
  })
  const smooth = all.map((i) =>
    all.map((j) => initialRank[i]!.slice(0, k2).reduce((sum, m) => sum + V[m]![j]!, 0) / k2),
  )
  return all.slice(1).map((g) => {
    const common = all.reduce((sum, j) => sum + Math.min(smooth[0]![j]!, smooth[g]![j]!), 0)
    return (1 - lambda) * (1 - common / (2 - common)) + lambda * (1 - similarity(0, g))
  })
}

describe('k-reciprocal', () => {
  it.each([
    [8, 3, 0.3, 1],
    [6, 1, 0, 2],
    [12, 5, 0.5, 3],
    [5, 2, 0.2, 4],
    [7, 2, 0.2, 5],
    [9, 3, 0.2, 6],
  ])('equals the full matrices with k1 = %i, k2 = %i, lambda = %d', async (k1, k2, lambda, seed) => {
    const gallery = clusteredVectors(60, 8, 7, seed)
    const queries = clusteredVectors(3, 8, 7, seed, 'queries')
    const reranker = createKReciprocal({ k1, k2, lambda, topN: 60 })
    await reranker.prepare!(viewOf(gallery))
    for (let row = 0; row < queries.rows; row++) {
      const expected = bruteForce(selectRows(queries, [row]), gallery, k1, k2, lambda)
      const { ranking } = await reranker.rerank(requestOf(queries, row, gallery, 60))
      ranking.positions.forEach((position, i) => expect(ranking.distances[i]).toBeCloseTo(expected[position]!, 5))
      expect([...ranking.distances]).toEqual([...ranking.distances].sort((a, b) => a - b))
    }
  })

  it.each([
    ['of clusters', 400, 40, 0.2],
    ['scattered', 200, 200, 0.9],
  ])(
    'looks for the neighbours of few rows of a gallery %s, and equals the full matrices',
    async (_, rows, classes, most) => {
      const gallery = clusteredVectors(rows, 8, classes, 7)
      const queries = clusteredVectors(3, 8, classes, 7, 'queries')
      const view = viewOf(gallery)
      const [k1, k2, lambda, topN] = [6, 3, 0, 12]
      const reranker = createKReciprocal({ k1, k2, lambda, topN })
      for (let row = 0; row < queries.rows; row++) {
        let asked = 0
        await reranker.prepare!({
          ...view,
          nearest(block, k) {
            asked += block.rows
            return view.nearest(block, k)
          },
        })
        const expected = bruteForce(selectRows(queries, [row]), gallery, k1, k2, lambda)
        const { ranking } = await reranker.rerank(requestOf(queries, row, gallery, topN, topN))
        ranking.positions.forEach((position, i) => expect(ranking.distances[i]).toBeCloseTo(expected[position]!, 5))
        expect(asked).toBeGreaterThan(0)
        expect(asked).toBeLessThan(most * rows)
        asked = 0
        await reranker.rerank(requestOf(queries, row, gallery, topN, topN))
      }
    },
  )

  it("brings an image forward that shares the query's neighbours", async () => {
    const gallery = clusteredVectors(60, 8, 7, 4)
    const queries = clusteredVectors(7, 8, 7, 4, 'queries')
    const reranker = createKReciprocal({ k1: 8, k2: 3, topN: 60 })
    await reranker.prepare!(viewOf(gallery))
    const right = (positions: Int32Array, row: number) =>
      positions.subarray(0, 8).filter((position) => position % 7 === row).length
    let before = 0
    let after = 0
    for (let row = 0; row < 7; row++) {
      before += right(rankAll(queries, row, gallery).positions, row)
      after += right((await reranker.rerank(requestOf(queries, row, gallery, 60))).ranking.positions, row)
    }
    expect(after).toBeGreaterThan(before)
  })

  it('needs the gallery, and takes galleries smaller than k1', async () => {
    const gallery = clusteredVectors(3, 4, 2, 5)
    const reranker = createKReciprocal()
    await expect(reranker.rerank(requestOf(gallery, 0, gallery, 20))).rejects.toMatchObject({
      code: 'reranker/not-prepared',
    })
    await reranker.prepare!(viewOf(gallery))
    expect((await reranker.rerank(requestOf(gallery, 0, gallery, 20))).ranking.positions).toHaveLength(3)
    expect(() => createKReciprocal({ k1: 2, k2: 3 })).toThrow(/k2/)
  })
})

import { createRanking, type Embeddings, type Ranking, type Reranker, SPEC_VERSION, selectRows } from '@lookalike/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clusteredVectors, inner, rankAll, requestOf, viewOf } from '../testing/random-gallery.js'
import { createAlphaQueryExpansion } from './alpha-query-expansion.js'
import { createDatabaseAugmentation } from './database-augmentation.js'
import { createKReciprocal } from './k-reciprocal.js'
import { createReciprocalRankFusion } from './reciprocal-rank-fusion.js'
import { createAdaptiveThreshold, createConstantThreshold } from './thresholds.js'

const gallery = clusteredVectors(80, 8, 9, 1)
const queries = clusteredVectors(9, 8, 9, 1, 'queries')

/** `x + sum of max(0, s)^alpha y`, as long as x, with a plain loop over all. */
function average(x: number[], others: { similarity: number; vector: number[] }[], alpha: number): number[] {
  const sum = x.map((value, d) =>
    others.reduce((total, { similarity, vector }) => total + Math.max(0, similarity) ** alpha * vector[d]!, value),
  )
  return sum.map((value) => (value * Math.hypot(...x)) / Math.hypot(...sum))
}
const vectorOf = ({ data, dim }: Embeddings, row: number) => [...data.subarray(row * dim, (row + 1) * dim)]
const dot = (a: number[], b: number[]) => a.reduce((sum, value, d) => sum + value * b[d]!, 0)

function expectDistances(ranking: Ranking, expected: (position: number) => number) {
  ranking.positions.forEach((position, i) => expect(ranking.distances[i]).toBeCloseTo(expected(position), 5))
}

describe('alpha-query-expansion', () => {
  it.each([
    [4, 3],
    [1, 0],
  ])('searches the whole list again with n = %i, alpha = %i', async (n, alpha) => {
    const { ranking } = await createAlphaQueryExpansion({ n, alpha, topN: 80 }).rerank(
      requestOf(queries, 2, gallery, 80),
    )
    const first = [...rankAll(queries, 2, gallery, n).positions]
    const expanded = average(
      vectorOf(queries, 2),
      first.map((row) => ({ similarity: inner(queries, 2, gallery, row), vector: vectorOf(gallery, row) })),
      alpha,
    )
    expectDistances(ranking, (position) => 1 - dot(expanded, vectorOf(gallery, position)))
  })
})

describe('database-augmentation', () => {
  it('compares with averaged gallery vectors', async () => {
    const reranker = createDatabaseAugmentation({ n: 3, alpha: 2, topN: 80 })
    await expect(reranker.rerank(requestOf(queries, 0, gallery, 80))).rejects.toMatchObject({
      code: 'reranker/not-prepared',
    })
    await reranker.prepare!(viewOf(gallery))
    const { ranking } = await reranker.rerank(requestOf(queries, 1, gallery, 80))
    expectDistances(ranking, (position) => {
      const others = [...rankAll(gallery, position, gallery).positions].filter((row) => row !== position).slice(0, 3)
      const mean = average(
        vectorOf(gallery, position),
        others.map((row) => ({ similarity: inner(gallery, position, gallery, row), vector: vectorOf(gallery, row) })),
        2,
      )
      return 1 - dot(vectorOf(queries, 1), mean)
    })
  })
})

describe('reciprocal-rank-fusion', () => {
  const order = (positions: number[], topN = positions.length): Reranker => ({
    specVersion: SPEC_VERSION,
    name: 'fixed',
    needs: 'embeddings',
    topN,
    rerank: async ({ ranking, candidates }) => {
      expect(candidates.rows).toBe(Math.min(topN, ranking.positions.length))
      return {
        ranking: createRanking(Int32Array.from(positions), ranking.distances),
        warnings: [{ code: 'test', message: '', fields: {} }],
      }
    },
    dispose: async () => {},
  })
  const four = selectRows(gallery, [0, 1, 2, 3])
  const ranking = createRanking(Int32Array.of(0, 1, 2, 3), Float32Array.of(0.1, 0.2, 0.3, 0.4))
  const request = { ranking, query: selectRows(queries, [0]), candidates: four }

  it('adds up the reciprocal ranks', async () => {
    const fused = await createReciprocalRankFusion([order([3, 1, 0, 2]), order([1, 0, 2, 3], 3)], { k: 1 }).rerank(
      request,
    )
    // Ranks of 0: 1, 3, 2; of 1: 2, 2, 1; of 2: 3, 4, 3; of 3: 4, 1, 4.
    const score = (...ranks: number[]) => ranks.reduce((sum, rank) => sum + 1 / (1 + rank), 0)
    expect([...fused.ranking.positions]).toEqual([1, 0, 3, 2])
    const expected = [score(2, 2, 1), score(1, 3, 2), score(4, 1, 4), score(3, 4, 3)].map(
      (value) => 1 - value / (3 / 2),
    )
    fused.ranking.distances.forEach((distance, i) => expect(distance).toBeCloseTo(expected[i]!, 6))
    expect(fused.warnings).toHaveLength(2)
  })

  it("can leave the search's list out", async () => {
    const fused = await createReciprocalRankFusion([order([3, 1, 0, 2])], { original: false }).rerank(request)
    expect([...fused.ranking.positions]).toEqual([3, 1, 0, 2])
  })
})

describe('thresholds', () => {
  const ranking = createRanking(Int32Array.of(4, 2, 7, 1, 9), Float32Array.of(0.1, 0.15, 0.2, 0.5, 0.55))
  const request = { ranking, query: selectRows(queries, [0]), candidates: selectRows(gallery, []) }
  const left = async (reranker: Reranker) => [...(await reranker.rerank(request)).ranking.positions]

  it('constant: everything nearer stays', async () => {
    expect(await left(createConstantThreshold({ threshold: 0.5 }))).toEqual([4, 2, 7])
    expect(await left(createConstantThreshold({ threshold: 1 }))).toEqual([4, 2, 7, 1, 9])
    expect(await left(createConstantThreshold({ threshold: 0 }))).toEqual([])
  })

  it('adaptive: the list ends at its first big gap', async () => {
    // The average gap is 0.1125, the largest 0.3.
    expect(await left(createAdaptiveThreshold({ factor: 2.5 }))).toEqual([4, 2, 7])
    expect(await left(createAdaptiveThreshold({ factor: 2.7 }))).toEqual([4, 2, 7, 1, 9])
    const one = { ...request, ranking: createRanking(Int32Array.of(3), Float32Array.of(1)) }
    expect((await createAdaptiveThreshold().rerank(one)).ranking.positions).toHaveLength(1)
  })
})

describe('every reranker of embeddings', () => {
  const makers: Record<string, (topN: number) => Reranker> = {
    'k-reciprocal': (topN) => createKReciprocal({ topN, k1: 5, k2: 2 }),
    'alpha-query-expansion': (topN) => createAlphaQueryExpansion({ topN }),
    'database-augmentation': (topN) => createDatabaseAugmentation({ topN, n: 3 }),
    'reciprocal-rank-fusion': (topN) => createReciprocalRankFusion([createAlphaQueryExpansion({ topN, alpha: 0 })]),
  }
  it.each(Object.keys(makers))('%s permutes the first results and leaves the tail alone', async (name) => {
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 0, max: 8 }),
      async (topN, length, row) => {
        const reranker = makers[name]!(topN)
        await reranker.prepare?.(viewOf(gallery))
        const request = requestOf(queries, row, gallery, reranker.topN, length)
        const { ranking } = await reranker.rerank(request)
        expect([...ranking.positions.subarray(0, topN)].sort()).toEqual(
          [...request.ranking.positions.subarray(0, topN)].sort(),
        )
        expect([...ranking.positions.subarray(topN)]).toEqual([...request.ranking.positions.subarray(topN)])
        expect([...ranking.distances.subarray(topN)]).toEqual([...request.ranking.distances.subarray(topN)])
        ranking.distances.forEach((distance, i) =>
          expect(distance).toBeGreaterThanOrEqual(ranking.distances[i - 1] ?? -Infinity),
        )
      },
    )
    await fc.assert(property, { numRuns: 25 })
  })
})

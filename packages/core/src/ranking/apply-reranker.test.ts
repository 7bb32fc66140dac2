import { describe, expect, it } from 'vitest'
import type { Reranked, Reranker, RerankRequest } from '../contracts/reranker.js'
import { createEmbeddings } from '../embeddings/create-embeddings.js'
import { applyReranker } from './apply-reranker.js'
import { createRanking } from './create-ranking.js'

const gallery = createEmbeddings({
  data: Float32Array.from([1, 0, 0, 1, 0.5, 0.5, 0.2, 0.8]),
  rows: 4,
  dim: 2,
  space: 's',
  role: 'any',
})
const queries = createEmbeddings({ data: Float32Array.from([1, 0, 0, 1]), rows: 2, dim: 2, space: 's', role: 'any' })
const rankings = [
  createRanking(Int32Array.from([0, 2, 3, 1]), Float32Array.from([0, 0.5, 0.8, 1])),
  createRanking(Int32Array.from([1, 3, 2, 0]), Float32Array.from([0, 0.2, 0.5, 1])),
]
const view = { embeddings: gallery, nearest: async () => [] }

function reranker(rerank: (request: RerankRequest) => Reranked, needs: Reranker['needs'] = 'embeddings'): Reranker {
  return {
    specVersion: 'v1',
    name: 'test',
    needs,
    topN: 2,
    rerank: async (request) => rerank(request),
    dispose: async () => undefined,
  }
}
const swap = ({ ranking: { positions: p, distances } }: RerankRequest): Reranked => ({
  ranking: { positions: Int32Array.from([p[1]!, p[0]!, ...p.subarray(2)]), distances },
  warnings: [],
})

describe('applyReranker', () => {
  it('hands over the query and its first candidates, and takes the new order', async () => {
    const seen: RerankRequest[] = []
    const result = await applyReranker(
      reranker((request) => (seen.push(request), swap(request))),
      { rankings, queries, gallery: view },
    )
    expect(result.map(({ positions }) => [...positions])).toEqual([
      [2, 0, 3, 1],
      [3, 1, 2, 0],
    ])
    expect([...seen[1]!.query.data]).toEqual([0, 1])
    expect([...seen[0]!.candidates.data]).toEqual([1, 0, 0.5, 0.5])
    expect(seen[0]).not.toHaveProperty('queryImage')
  })

  it('gives images to those that need them, and says so when there is none', async () => {
    const images = ['a', 'b', 'c', undefined].map((source) => (source ? { source } : undefined))
    const seen: RerankRequest[] = []
    const looker = reranker((request) => (seen.push(request), swap(request)), 'images')
    await applyReranker(looker, {
      rankings,
      queries,
      gallery: view,
      queryImages: [{ source: 'q' }, { source: 'r' }],
      galleryImages: images,
    })
    expect(seen[1]).toMatchObject({ queryImage: { source: 'r' }, candidateImages: [{ source: 'b' }, undefined] })
    await expect(applyReranker(looker, { rankings, queries, gallery: view })).rejects.toMatchObject({
      code: 'reranker/no-image',
    })
  })

  it.each<[string, (request: RerankRequest) => Reranked]>([
    [
      'touches the tail',
      ({ ranking: { positions: p, distances } }) => ({
        ranking: { positions: Int32Array.from([p[0]!, p[1]!, p[3]!, p[2]!]), distances },
        warnings: [],
      }),
    ],
    [
      'doubles a result',
      ({ ranking: { positions: p, distances } }) => ({
        ranking: { positions: Int32Array.from([p[0]!, p[0]!, p[2]!, p[3]!]), distances },
        warnings: [],
      }),
    ],
    [
      'drops results',
      ({ ranking: { positions, distances } }) => ({
        ranking: { positions: positions.slice(0, 2), distances: distances.slice(0, 2) },
        warnings: [],
      }),
    ],
    [
      'unsorts distances',
      ({ ranking: { positions } }) => ({
        ranking: { positions, distances: Float32Array.from([3, 2, 3, 4]) },
        warnings: [],
      }),
    ],
  ])('refuses one that %s', async (_, rerank) => {
    await expect(applyReranker(reranker(rerank), { rankings, queries, gallery: view })).rejects.toMatchObject({
      code: 'reranker/invalid',
    })
  })

  it('lets a reranker that says so leave results out, but not move them', async () => {
    const cutter = (order: number[]): Reranker => ({
      ...reranker(({ ranking: { positions: p, distances } }) => ({
        ranking: { positions: Int32Array.from(order, (i) => p[i]!), distances: distances.slice(0, order.length) },
        warnings: [],
      })),
      drops: true,
    })
    const [first] = await applyReranker(cutter([0, 1]), { rankings, queries, gallery: view })
    expect([...first!.positions]).toEqual([0, 2])
    await expect(applyReranker(cutter([1, 0]), { rankings, queries, gallery: view })).rejects.toMatchObject({
      code: 'reranker/invalid',
    })
  })

  it('stops at the signal', async () => {
    await expect(
      applyReranker(reranker(swap), { rankings, queries, gallery: view }, { signal: AbortSignal.abort() }),
    ).rejects.toThrow()
  })
})

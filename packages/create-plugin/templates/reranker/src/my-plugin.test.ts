import { createEmbeddings, createRanking } from '@lookalike/core'
import { fromPlugin } from '@lookalike/testkit'
import { describePlugins, describeReranker } from '@lookalike/testkit/vitest'
import { expect, it } from 'vitest'
import plugins, { myPlugin } from './my-plugin.js'

describePlugins(plugins)
describeReranker('my-plugin', fromPlugin(myPlugin, { topN: 15 }))

it('brings up what is like the first result', async () => {
  const reranker = await fromPlugin(myPlugin, { neighbours: 1 })()
  const embeddings = (...rows: number[][]) =>
    createEmbeddings({ data: Float32Array.from(rows.flat()), rows: rows.length, dim: 2, space: 'test', role: 'any' })
  const { ranking } = await reranker.rerank({
    query: embeddings([1, 0]),
    candidates: embeddings([0.8, 0.6], [0.79, -0.61], [0.7, 0.71]),
    ranking: createRanking(Int32Array.of(7, 8, 9), Float32Array.of(0.2, 0.21, 0.3)),
  })
  expect([...ranking.positions]).toEqual([7, 9, 8])
})

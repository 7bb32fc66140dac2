import { createRanking, definePlugin, type Reranker, rowOf } from '@lookalike/core'
import { z } from 'zod'

const options = z.strictObject({
  topN: z.int().min(1).max(10_000).default(50).describe('How many of the first results are put into a new order.'),
  neighbours: z.int().min(1).default(3).describe('Results that are averaged with the query.'),
})

declare module '@lookalike/core' {
  interface RerankerPlugins {
    'my-plugin': z.input<typeof options>
  }
}

/** The query, averaged with its first results, searches once more among the first `topN`. */
const createReranker = ({ topN, neighbours }: z.output<typeof options>): Reranker => ({
  specVersion: 'v1',
  name: 'my-plugin',
  needs: 'embeddings',
  topN,
  async rerank({ ranking, query, candidates }, { signal } = {}) {
    signal?.throwIfAborted()
    const mean = rowOf(query, 0).slice()
    for (let row = 0; row < Math.min(neighbours, candidates.rows); row++)
      rowOf(candidates, row).forEach((value, i) => (mean[i]! += value))
    const similarity = Array.from({ length: candidates.rows }, (_, row) =>
      rowOf(candidates, row).reduce((sum, value, i) => sum + value * mean[i]!, 0),
    )
    // Equal similarities keep the order they had.
    const order = similarity.map((_, row) => row).sort((a, b) => similarity[b]! - similarity[a]! || a - b)
    const positions = ranking.positions.slice()
    order.forEach((from, to) => (positions[to] = ranking.positions[from]!))
    // The places keep their distances, which stay sorted across the tail that nothing may touch.
    return { ranking: createRanking(positions, ranking.distances.slice()), warnings: [] }
  },
  dispose: async () => {},
})

export const myPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'reranker',
  name: 'my-plugin',
  description: 'Searches again with the mean of the query and its first results.',
  options,
  create: createReranker,
})

export default [myPlugin]

import { checkOptions, definePlugin, dotRows, norm, type Reranker, SPEC_VERSION } from '@lookalike/core'
import * as z from 'zod'
import { reorder } from '../ranking/reorder.js'
import { addRow, withNorm } from '../ranking/vectors.js'

const options = z.strictObject({
  topN: z.int().min(1).default(100).describe('Candidates that are searched again with the expanded query.'),
  n: z.int().min(1).default(5).describe('First candidates that the query is expanded by; at most topN count.'),
  alpha: z
    .number()
    .min(0)
    .default(3)
    .describe("Power of a candidate's similarity in its weight; 0 is the plain average."),
})
export type AlphaQueryExpansionOptions = z.input<typeof options>

/**
 * Alpha-weighted query expansion (Radenović, Tolias, Chum: Fine-tuning CNN Image Retrieval with No Human Annotation, TPAMI 2019): the query
 * becomes `q + sum of max(0, s_i)^alpha x_i` over its n first candidates, at its old length, and searches the topN candidates again.
 */
export function createAlphaQueryExpansion(given: AlphaQueryExpansionOptions = {}): Reranker {
  const { topN, n, alpha } = checkOptions('alpha-query-expansion', options, given)
  return {
    specVersion: SPEC_VERSION,
    name: 'alpha-query-expansion',
    needs: 'embeddings',
    topN,
    async rerank({ ranking, query, candidates }, { signal } = {}) {
      signal?.throwIfAborted()
      const { dim } = query
      const expanded = Float64Array.from(query.data)
      for (let i = 0; i < Math.min(n, candidates.rows); i++) {
        addRow(expanded, candidates.data, i, Math.max(0, dotRows(query.data, 0, candidates.data, i, dim)) ** alpha)
      }
      const searching = withNorm(expanded, norm(query.data))
      const distances = Float64Array.from(
        { length: candidates.rows },
        (_, i) => 1 - dotRows(searching, 0, candidates.data, i, dim),
      )
      return { ranking: reorder(ranking, distances), warnings: [] }
    },
    async dispose() {},
  }
}

export const alphaQueryExpansion = definePlugin({
  specVersion: 'v1',
  kind: 'reranker',
  name: 'alpha-query-expansion',
  description:
    'Searches again with the mean of the query and its first results, weighted by their similarity to the power alpha.',
  options,
  create: createAlphaQueryExpansion,
})

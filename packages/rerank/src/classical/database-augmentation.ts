import { checkOptions, definePlugin, dotRows, norm, type Reranker, SPEC_VERSION } from '@lookalike/core'
import * as z from 'zod'
import { createGalleryNeighbours, type GalleryNeighbours, notPrepared } from '../ranking/gallery-neighbours.js'
import { reorder } from '../ranking/reorder.js'
import { addRow, withNorm } from '../ranking/vectors.js'

const options = z.strictObject({
  topN: z.int().min(1).default(100).describe('Candidates that are compared again.'),
  n: z.int().min(1).default(5).describe('Nearest gallery images that an image is averaged with.'),
  alpha: z
    .number()
    .min(0)
    .default(3)
    .describe("Power of a neighbour's similarity in its weight; 0 is the plain average."),
})
export type DatabaseAugmentationOptions = z.input<typeof options>

/**
 * Database-side augmentation (Turcot, Lowe 2009; weights as in alpha query expansion): every gallery vector becomes the weighted mean of
 * itself and its n nearest gallery vectors, at its old length. Only the candidates' vectors are ever made, and only their neighbours looked for.
 */
export function createDatabaseAugmentation(given: DatabaseAugmentationOptions = {}): Reranker {
  const { topN, n, alpha } = checkOptions('database-augmentation', options, given)
  const name = 'database-augmentation'
  let known: { neighbours: GalleryNeighbours; gallery: Float32Array } | undefined
  return {
    specVersion: SPEC_VERSION,
    name,
    needs: 'embeddings',
    wholeGallery: true,
    topN,
    async prepare(gallery) {
      known = { neighbours: createGalleryNeighbours(gallery, n), gallery: gallery.embeddings.data }
    },
    async rerank({ ranking, query, candidates }, { signal } = {}) {
      signal?.throwIfAborted()
      if (!known) throw notPrepared(name)
      const { neighbours, gallery } = known
      await neighbours.learn(ranking.positions.subarray(0, candidates.rows), { signal })
      const { dim } = query
      const distances = Float64Array.from({ length: candidates.rows }, (_, i) => {
        const row = ranking.positions[i]!
        const sum = Float64Array.from(gallery.subarray(row * dim, (row + 1) * dim))
        const length = norm(sum)
        for (let j = 0; j < n; j++) {
          const neighbour = neighbours.positions[row * n + j]!
          if (neighbour < 0) break
          addRow(sum, gallery, neighbour, Math.max(0, 1 - neighbours.distances[row * n + j]!) ** alpha)
        }
        return 1 - dotRows(query.data, 0, withNorm(sum, length), 0, dim)
      })
      return { ranking: reorder(ranking, distances), warnings: [] }
    },
    async dispose() {
      known = undefined
    },
  }
}

export const databaseAugmentation = definePlugin({
  specVersion: 'v1',
  kind: 'reranker',
  name: 'database-augmentation',
  description: 'Compares the query with candidates that are averaged with their own nearest gallery images.',
  options,
  create: createDatabaseAugmentation,
})

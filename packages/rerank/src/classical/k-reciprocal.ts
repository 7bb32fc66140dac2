import { checkOptions, definePlugin, type Reranker, SPEC_VERSION } from '@lookalike/core'
import * as z from 'zod'
import { createGalleryNeighbours, type GalleryNeighbours, notPrepared } from '../ranking/gallery-neighbours.js'
import { reorder } from '../ranking/reorder.js'
import { kReciprocalDistances } from './k-reciprocal-distances.js'

const options = z
  .strictObject({
    topN: z.int().min(1).default(100).describe('Candidates that are reordered.'),
    k1: z.int().min(1).default(20).describe('Neighbours of an image that must be mutual.'),
    k2: z
      .int()
      .min(1)
      .default(6)
      .describe('Neighbours, the image itself included, whose encodings are averaged; 1 averages nothing. At most k1.'),
    lambda: z
      .number()
      .min(0)
      .max(1)
      .default(0.3)
      .describe('Share of the original distance in the new one; the rest is the Jaccard distance.'),
  })
  .refine(({ k1, k2 }) => k2 <= k1, { path: ['k2'], message: 'k2 is at most k1' })
export type KReciprocalOptions = z.input<typeof options>

/**
 * k-reciprocal re-ranking (Zhong et al. 2017): images are close when they share mutual neighbours. Needs `prepare`; the
 * gallery is searched with those of its rows that a list depends on.
 */
export function createKReciprocal(given: KReciprocalOptions = {}): Reranker {
  const { topN, k1, k2, lambda } = checkOptions('k-reciprocal', options, given)
  const name = 'k-reciprocal'
  let known: { neighbours: GalleryNeighbours; gallery: Float32Array } | undefined
  return {
    specVersion: SPEC_VERSION,
    name,
    needs: 'embeddings',
    wholeGallery: true,
    // The query's own neighbours are taken from its list.
    topN: Math.max(topN, k1),
    async prepare(gallery) {
      known = { neighbours: createGalleryNeighbours(gallery, k1), gallery: gallery.embeddings.data }
    },
    async rerank({ ranking, query }, { signal } = {}) {
      signal?.throwIfAborted()
      if (!known) throw notPrepared(name)
      const count = Math.min(topN, ranking.positions.length)
      const distances = await kReciprocalDistances({
        query: query.data,
        ...known,
        ranked: ranking.positions,
        count,
        k1,
        k2,
        lambda,
        signal,
      })
      return { ranking: reorder(ranking, distances), warnings: [] }
    },
    async dispose() {
      known = undefined
    },
  }
}

export const kReciprocal = definePlugin({
  specVersion: 'v1',
  kind: 'reranker',
  name: 'k-reciprocal',
  description:
    'Images that share mutual neighbours with the query come first (Zhong et al. 2017); looks at embeddings only.',
  options,
  create: createKReciprocal,
})

import { definePlugin, pluginRef, type Reranker, type RerankRequest, SPEC_VERSION, type Warning } from '@lookalike/core'
import * as z from 'zod'
import { reorder } from '../ranking/reorder.js'

const options = z.strictObject({
  rerankers: z
    .array(pluginRef('reranker'))
    .min(1)
    .describe("Rerankers whose lists are fused, each started from the search's list."),
  k: z.number().positive().default(60).describe('Added to every rank: the larger, the less the first ranks count.'),
  original: z.boolean().default(true).describe("Whether the search's own list is one of the fused lists."),
})

/** An interface, for it refers to itself: rerankers are options of this reranker. */
export interface ReciprocalRankFusionOptions extends z.input<typeof options> {}

/**
 * Reciprocal rank fusion (Cormack, Clarke, Büttcher, SIGIR 2009): a candidate's score is the sum over all lists of `1 / (k + rank)`. Only
 * ranks count, so lists with distances of any scale can be fused. The new distance is `1 - score / the largest possible score`.
 */
export function createReciprocalRankFusion(
  members: readonly Reranker[],
  { k = 60, original = true }: { k?: number | undefined; original?: boolean } = {},
): Reranker {
  const lists = members.length + (original ? 1 : 0)
  return {
    specVersion: SPEC_VERSION,
    name: 'reciprocal-rank-fusion',
    needs: members.some(({ needs }) => needs === 'images') ? 'images' : 'embeddings',
    wholeGallery: members.some(({ wholeGallery = false }) => wholeGallery),
    topN: Math.max(...members.map(({ topN }) => topN)),
    async prepare(gallery, operation) {
      for (const member of members) await member.prepare?.(gallery, operation)
    },
    async rerank(request, operation) {
      operation?.signal?.throwIfAborted()
      const scores = new Map<number, number>()
      const count = request.candidates.rows
      const vote = (positions: Int32Array) => {
        for (let i = 0; i < count; i++) scores.set(positions[i]!, (scores.get(positions[i]!) ?? 0) + 1 / (k + i + 1))
      }
      if (original) vote(request.ranking.positions)
      const warnings: Warning[] = []
      for (const member of members) {
        const answer = await member.rerank(requestFor(member, request), operation)
        warnings.push(...answer.warnings)
        vote(answer.ranking.positions)
      }
      const largest = lists / (k + 1)
      const distances = Float64Array.from(
        { length: count },
        (_, i) => 1 - scores.get(request.ranking.positions[i]!)! / largest,
      )
      return { ranking: reorder(request.ranking, distances), warnings }
    },
    async dispose() {
      for (const member of members) await member.dispose()
    },
  }
}

/** What the member would have been given on its own. */
function requestFor({ topN, needs }: Reranker, request: RerankRequest): RerankRequest {
  const { candidates, candidateImages, queryImage, ...rest } = request
  const rows = Math.min(topN, candidates.rows)
  return {
    ...rest,
    candidates: { ...candidates, rows, data: candidates.data.subarray(0, rows * candidates.dim) },
    queryImage: needs === 'images' ? queryImage : undefined,
    candidateImages: needs === 'images' ? candidateImages?.slice(0, rows) : undefined,
  }
}

export const reciprocalRankFusion = definePlugin({
  specVersion: 'v1',
  kind: 'reranker',
  name: 'reciprocal-rank-fusion',
  description: 'Fuses the lists of several rerankers by their ranks alone.',
  options,
  async create({ rerankers, k, original }, context) {
    const members: Reranker[] = []
    for (const ref of rerankers) members.push(await context.create('reranker', ref))
    return createReciprocalRankFusion(members, { k, original })
  },
})

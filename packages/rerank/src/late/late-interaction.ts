import { createHash } from 'node:crypto'
import { definePlugin, type Encoder, type ImageLimits, pluginRef, type Reranker } from '@lookalike/core'
import { providersSchema } from '@lookalike/onnx'
import { z } from 'zod'
import { createCodeReranker } from '../codes/create-code-reranker.js'
import { createLateScorer } from './create-late-scorer.js'
import { createTokenEncoder } from './encode-tokens.js'

const options = z.strictObject({
  encoder: pluginRef('encoder').describe(
    'The network whose local tokens are compared: a vision transformer, or one that ends in a feature map.',
  ),
  weight: z
    .number()
    .min(0)
    .default(0.8)
    .describe(
      "How much the tokens' similarity counts beside the distance of the search. Choose it on validation data: what it is worth differs much between sets of images (ours).",
    ),
  topN: z.int().min(1).default(20).describe('Candidates that are compared with the query.'),
  grid: z
    .int()
    .min(1)
    .exactOptional()
    .describe(
      'Of a network that ends in a feature map: its last map with at least so many rows and columns. Default: the last.',
    ),
  memory: z.number().min(0).default(512).describe("Megabytes of candidates' tokens that stay in memory."),
  cache: z
    .boolean()
    .default(true)
    .describe(
      "Whether candidates' tokens are also kept on disk, in int8, by the images' content: by \"index\" in the gallery, else in the config's cache folder.",
    ),
  providers: providersSchema.default(['cpu']).describe('Where the network runs, first choice first.'),
})
export type LateInteractionOptions = z.input<typeof options>

export interface LateInteractionSettings extends Omit<LateInteractionOptions, 'encoder'> {
  /** Disposed of with the reranker. */
  readonly encoder: Encoder
  readonly cacheFolder?: string | undefined
  readonly threads?: number | undefined
  readonly limits?: ImageLimits | undefined
}

/**
 * Late interaction: each local token of the query looks for its best match among the candidate's, and the other way round; the mean of these
 * cosines is added to the search's similarity. Nothing is trained. Tokens lose their image's mean first, are compared at length 1, and are kept in int8.
 *
 * New distance: the search's distance + `weight` * (1 - mean of best matches).
 *
 * @throws as `createTokenEncoder`; from `rerank` as `stir` does
 * @example
 * const reranker = await createLateInteraction({ encoder: await createOnnxEncoder({ model: 'vit.onnx' }), weight: 0.8 })
 */
export async function createLateInteraction({
  encoder,
  weight = 0.8,
  topN = 20,
  grid,
  providers = ['cpu'],
  threads,
  limits,
  ...rest
}: LateInteractionSettings): Promise<Reranker> {
  const run = { providers, threads }
  const tokens = await createTokenEncoder(encoder, { ...run, grid, limits })
  const scorer = await createLateScorer(tokens.dim, run)
  return createCodeReranker({
    ...rest,
    name: 'late-interaction',
    topN,
    limits,
    key: createHash('sha256')
      .update(`int8 ${encoder.space} ${grid ?? ''}`)
      .digest('hex')
      .slice(0, 16),
    sizes: { tokens: Math.ceil((tokens.count * tokens.dim) / 2), embedding: tokens.count },
    encode: tokens.encode,
    async judge(query, candidates, distances) {
      const similar = await scorer.score(query, candidates)
      return distances.map((distance, i) => distance + weight * (1 - similar[i]!))
    },
    async dispose() {
      await tokens.dispose()
      await scorer.dispose()
      await encoder.dispose()
    },
  })
}

export const lateInteraction = definePlugin({
  specVersion: 'v1',
  kind: 'reranker',
  name: 'late-interaction',
  description: 'Compares the local tokens of the query and its first candidates, without any training.',
  options,
  create: async ({ encoder, ...rest }, context) =>
    createLateInteraction({
      ...rest,
      encoder: await context.create('encoder', encoder),
      cacheFolder: context.cacheFolder,
      threads: context.threads,
      limits: context.images,
    }),
})

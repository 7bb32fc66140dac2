import path from 'node:path'
import { definePlugin, type ImageLimits, isLookalikeError, LookalikeError, type Reranker } from '@lookalike/core'
import { providersSchema } from '@lookalike/onnx'
import { z } from 'zod'
import { createCodeReranker } from '../codes/create-code-reranker.js'
import { createPairScorer } from './create-pair-scorer.js'
import { loadPairModel } from './load-pair-model.js'

const options = z.strictObject({
  model: z.string().min(1).describe('The pair.onnx that the trainer "stir" wrote; a path from the config file.'),
  topN: z.int().min(1).default(5).describe('Candidates that are compared with the query.'),
  symmetric: z.boolean().default(false).describe('Mean of both orders of a pair; twice the work.'),
  memory: z.number().min(0).default(512).describe("Megabytes of candidates' tokens that stay in memory."),
  cache: z
    .boolean()
    .default(true)
    .describe(
      "Whether candidates' tokens are also kept on disk, by the images' content: by \"index\" in the gallery, else in the config's cache folder.",
    ),
  providers: providersSchema
    .default(['cpu'])
    .describe('Where the pair model runs, first choice first. Operators that a provider lacks run on the CPU.'),
})
export type StirOptions = z.input<typeof options>

export interface StirSettings extends StirOptions {
  /** Folder for candidates' tokens that are not in a gallery. */
  readonly cacheFolder?: string | undefined
  /** Threads of one operator. Default: the number of cores. */
  readonly threads?: number | undefined
  /** How images are read. */
  readonly limits?: ImageLimits | undefined
}

/**
 * Reranks with a pair model (STIR: Shabanov, Tarasov, Nikolenko 2023, arXiv 2304.13393): candidates are sorted by the probability that they
 * show something else than the query. What the model makes of an image alone is kept and used again: `index` puts it into the gallery,
 * in half precision.
 *
 * A candidate without an image, or with one that cannot be read, keeps its place, with the warning `reranker/no-candidate-image` or the
 * code of reading it.
 *
 * @throws what `loadPairModel` throws; from `rerank` `reranker/no-image` and the codes of reading the query's image.
 * @example
 * const reranker = await createStir({ model: 'runs/stir/pair.onnx', topN: 5 })
 */
export async function createStir({
  model: file,
  topN = 5,
  symmetric = false,
  memory = 512,
  cache = true,
  cacheFolder,
  threads,
  limits,
  providers = ['cpu'],
}: StirSettings): Promise<Reranker> {
  const { model, spec, preprocessing, key } = await loadPairModel(file)
  const scorer = await createPairScorer(model, spec, preprocessing, { providers, threads, limits })
  return createCodeReranker({
    name: 'stir',
    topN,
    key,
    sizes: { tokens: spec.tokens[0] * spec.tokens[1], embedding: spec.embedding },
    encode: scorer.encode,
    async judge(query, candidates) {
      const queries = candidates.map(() => query)
      if (!symmetric) return scorer.score(queries, candidates)
      const scores = await scorer.score([...queries, ...candidates], [...candidates, ...queries])
      return candidates.map((_, i) => (scores[i]! + scores[i + candidates.length]!) / 2)
    },
    dispose: scorer.dispose,
    memory,
    cache,
    cacheFolder,
    limits,
  })
}

export const stir = definePlugin({
  specVersion: 'v1',
  kind: 'reranker',
  name: 'stir',
  description: 'Looks at the query and each of its first candidates together (STIR: siamese transformer).',
  options,
  create({ model, ...rest }, { folder, cacheFolder, threads, images }) {
    return createStir({
      ...rest,
      model: path.resolve(folder, model),
      cacheFolder,
      threads,
      limits: images,
    }).catch((error: unknown) => {
      throw isLookalikeError(error, 'onnx/file') ? modelMissing(path.resolve(folder, model), error) : error
    })
  },
})

function modelMissing(file: string, cause: LookalikeError): LookalikeError {
  return new LookalikeError(
    'reranker/model-missing',
    {
      problem: cause.message,
      expected: 'the pair.onnx of a finished training run',
      fix: 'Train one first (train: { use: "stir" }), or correct "model".',
    },
    { fields: { model: file }, cause },
  )
}

import path from 'node:path'
import {
  definePlugin,
  type Gallery,
  type GalleryCodes,
  type ImageLimits,
  type ImageRequest,
  isLookalikeError,
  LookalikeError,
  type Reranker,
  SPEC_VERSION,
  type Warning,
} from '@lookalike/core'
import { createFolderCodes } from '@lookalike/gallery'
import { providersSchema } from '@lookalike/onnx'
import { z } from 'zod'
import { reorder } from '../ranking/reorder.js'
import { createCodeStore, isCode } from './code-store.js'
import { createPairScorer } from './create-pair-scorer.js'
import type { ImageCode } from './image-code.js'
import { CACHED_TOKENS, createKeptCodes, type KeptCodes } from './kept-codes.js'
import { loadPairModel } from './load-pair-model.js'
import { updateGalleryCodes } from './update-gallery-codes.js'

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
  const name = 'stir'
  const sizes = { tokens: spec.tokens[0] * spec.tokens[1], embedding: spec.embedding }
  const kept = (codes: GalleryCodes) => createKeptCodes(codes, sizes.tokens, sizes.embedding)
  const cached =
    cache && cacheFolder !== undefined ? kept(createFolderCodes(path.join(cacheFolder, CACHED_TOKENS, key))) : undefined
  const keep = { ...sizes, limits, memory: memory * 2 ** 20, write: cached }
  const open = (read: readonly KeptCodes[]) =>
    createCodeStore(scorer.encode, { ...keep, read: cached ? [...read, cached] : read })
  let prepared: Gallery['codes'] | undefined
  let store = open([])
  return {
    specVersion: SPEC_VERSION,
    name,
    needs: 'images',
    topN,
    async index(gallery, operation = {}) {
      if (cache) await updateGalleryCodes(kept(gallery.codes(name, key)), gallery, scorer.encode, operation)
    },
    async prepare({ codes }) {
      // The same gallery again: what is in memory stays.
      if (codes === prepared) return
      prepared = codes
      store = open(cache && codes ? [kept(codes(name, key))] : [])
    },
    async rerank({ ranking, queryImage, candidateImages = [] }, operation) {
      if (!queryImage) throw noQueryImage(name)
      const count = Math.min(topN, ranking.positions.length)
      const warnings: Warning[] = []
      const places: number[] = []
      const requests: ImageRequest[] = [queryImage]
      for (let i = 0; i < count; i++) {
        const image = candidateImages[i]
        if (image) {
          places.push(i)
          requests.push(image)
        } else {
          warnings.push(noCandidateImage(ranking.positions[i]!, i))
        }
      }
      const [query, ...candidates] = await store.get(requests, (i) => i > 0, operation)
      if (!isCode(query!)) throw new LookalikeError(query!.code, { problem: query!.message }, { fields: query!.fields })
      const judged: { place: number; code: ImageCode }[] = []
      for (const [n, code] of candidates.entries()) {
        const place = places[n]!
        if (isCode(code)) judged.push({ place, code })
        else
          warnings.push({
            ...code,
            message: `${code.message} This candidate keeps its place.`,
            fields: { ...code.fields, position: ranking.positions[place], rank: place + 1 },
          })
      }
      const distances = new Float64Array(count).fill(NaN)
      const queries = judged.map(() => query)
      const others = judged.map(({ code }) => code)
      const scores = symmetric
        ? await scorer.score([...queries, ...others], [...others, ...queries])
        : await scorer.score(queries, others)
      for (const [n, { place }] of judged.entries())
        distances[place] = symmetric ? (scores[n]! + scores[n + judged.length]!) / 2 : scores[n]!
      return { ranking: reorder(ranking, distances), warnings }
    },
    dispose: () => scorer.dispose(),
  }
}

function noQueryImage(reranker: string): LookalikeError {
  return new LookalikeError(
    'reranker/no-image',
    {
      problem: `The reranker "${reranker}" looks at images, and the query came without one`,
      expected: 'a query with an image',
      fix: 'Search by image, or take this reranker out of "rerankers".',
    },
    { fields: { reranker } },
  )
}

function noCandidateImage(position: number, place: number): Warning {
  return {
    code: 'reranker/no-candidate-image',
    message: `The gallery has no image for its row ${position}; this candidate keeps its place.`,
    fields: { position, rank: place + 1 },
  }
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

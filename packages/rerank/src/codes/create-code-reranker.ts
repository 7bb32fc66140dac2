import path from 'node:path'
import {
  type Gallery,
  type GalleryCodes,
  type ImageLimits,
  type ImageRequest,
  LookalikeError,
  type Reranker,
  SPEC_VERSION,
  type Warning,
} from '@lookalike/core'
import { createFolderCodes } from '@lookalike/gallery'
import { reorder } from '../ranking/reorder.js'
import { createCodeStore, type Encode, isCode } from './code-store.js'
import type { ImageCode } from './image-code.js'
import { CACHED_TOKENS, createKeptCodes, type KeptCodes } from './kept-codes.js'
import { updateGalleryCodes } from './update-gallery-codes.js'

export interface CodeRerankerParts {
  readonly name: string
  readonly topN: number
  /** Names the codes of this very network, in the folders that hold them. */
  readonly key: string
  /** Words of an image's tokens, values of its embedding. */
  readonly sizes: { readonly tokens: number; readonly embedding: number }
  readonly encode: Encode
  /** New distances of the candidates, whose distances of the search are given. */
  judge(query: ImageCode, candidates: readonly ImageCode[], distances: readonly number[]): Promise<ArrayLike<number>>
  dispose(): Promise<void>
  /** Megabytes of candidates' codes that stay in memory. Default 512. */
  readonly memory?: number | undefined
  /** Whether codes are kept on disk. Default true. */
  readonly cache?: boolean | undefined
  /** Folder for candidates' codes that are not in a gallery. */
  readonly cacheFolder?: string | undefined
  readonly limits?: ImageLimits | undefined
}

/**
 * A reranker that compares what it makes of each image alone. That is kept and used again: `index` puts it into the gallery's folder.
 *
 * A candidate without an image, or with one that cannot be read, keeps its place, with the warning `reranker/no-candidate-image` or the
 * code of reading it. From `rerank` comes `reranker/no-image`, and the codes of reading the query's image.
 */
export function createCodeReranker({
  name,
  topN,
  key,
  sizes,
  encode,
  judge,
  dispose,
  memory = 512,
  cache = true,
  cacheFolder,
  limits,
}: CodeRerankerParts): Reranker {
  const kept = (codes: GalleryCodes) => createKeptCodes(codes, sizes.tokens, sizes.embedding)
  const cached =
    cache && cacheFolder !== undefined ? kept(createFolderCodes(path.join(cacheFolder, CACHED_TOKENS, key))) : undefined
  const keep = { ...sizes, limits, memory: memory * 2 ** 20, write: cached }
  const open = (read: readonly KeptCodes[]) =>
    createCodeStore(encode, { ...keep, read: cached ? [...read, cached] : read })
  let prepared: Gallery['codes'] | undefined
  let store = open([])
  return {
    specVersion: SPEC_VERSION,
    name,
    needs: 'images',
    topN,
    async index(gallery, operation = {}) {
      if (cache) await updateGalleryCodes(kept(gallery.codes(name, key)), gallery, encode, operation)
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
      const found = await judge(
        query,
        judged.map(({ code }) => code),
        judged.map(({ place }) => ranking.distances[place]!),
      )
      for (const [n, { place }] of judged.entries()) distances[place] = found[n]!
      return { ranking: reorder(ranking, distances), warnings }
    },
    dispose,
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

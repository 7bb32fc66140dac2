import {
  applyReranker,
  type Embeddings,
  type Gallery,
  type GalleryEntry,
  type GalleryHit,
  type GallerySearchOptions,
  type ImageRequest,
  type OperationOptions,
  type Ranking,
  type Reranker,
  type RerankInput,
} from '@lookalike/core'
import { entryImages } from '@lookalike/image'
import { type CandidateHit, type Candidates, candidatesOf, type Identified, wholeGallery } from './candidates.js'

export interface RankImagesOptions extends GallerySearchOptions {
  /** Folders whose files the gallery's entries may name, absolute, besides the gallery's own. */
  readonly paths?: readonly string[] | undefined
}

/** A found image. */
export interface RankedImage {
  readonly entry: GalleryEntry
  readonly distance: number
  /** The image itself, where the gallery knows where it lies, and that is a place that it may name. */
  readonly image?: ImageRequest | undefined
}

/** The nearest images of a gallery to each query, reranked; at least as many as the rerankers look at. */
export async function rankImages(
  gallery: Gallery,
  embeddings: Embeddings,
  queryImages: readonly ImageRequest[],
  rerankers: readonly Reranker[],
  k: number,
  { paths, ...search }: RankImagesOptions = {},
): Promise<RankedImage[][]> {
  const hits = await gallery.search(embeddings, depthOf(k, rerankers), { ...search, withVectors: rerankers.length > 0 })
  return rerankAll(gallery, embeddings, queryImages, rerankers, hits, { paths, ...search })
}

/** How many results a search needs whose rerankers look at some. */
export const depthOf = (k: number, rerankers: readonly Reranker[]): number =>
  Math.max(k, ...rerankers.map(({ topN }) => topN))

/** Lists of hits, one a query, through all rerankers. With rerankers, the hits have their vectors. */
export async function rerankAll(
  gallery: Gallery,
  embeddings: Embeddings,
  queryImages: readonly ImageRequest[],
  rerankers: readonly Reranker[],
  given: readonly (readonly GalleryHit[])[],
  { paths, ...search }: RankImagesOptions = {},
): Promise<RankedImage[][]> {
  const { signal, onProgress, onWarning } = search
  const candidates = rerankers.some((each) => each.wholeGallery)
    ? await wholeGallery(gallery, search)
    : candidatesOf(gallery, given, search)
  await prepareRerankers(rerankers, candidates, search)
  const galleryImages = candidates.entries.map(entryImages(gallery, { paths, onWarning }))
  const input = { queries: embeddings, gallery: candidates.view, queryImages, galleryImages }
  const rankings = await applyRerankers(rerankers, candidates, given, input, { signal, onWarning, onProgress })
  return rankings.map(({ positions, distances }) =>
    Array.from(positions, (position, i): RankedImage => {
      const image = galleryImages[position]
      return { entry: candidates.entries[position]!, distance: distances[i]!, image }
    }),
  )
}

/** Shows the candidates to all rerankers. */
export async function prepareRerankers(
  rerankers: readonly Reranker[],
  { view }: Pick<Candidates, 'view'>,
  { signal, onWarning }: OperationOptions,
): Promise<void> {
  for (const reranker of rerankers) await reranker.prepare?.(view, { signal, onWarning })
}

/** Lists of hits through all rerankers, one after the other; they have seen the candidates. */
export async function applyRerankers<E extends Identified>(
  rerankers: readonly Reranker[],
  candidates: Candidates<E>,
  given: readonly (readonly CandidateHit<E>[])[],
  input: Omit<RerankInput, 'rankings'>,
  options: OperationOptions,
): Promise<readonly Ranking[]> {
  let rankings = given.map((hits) => candidates.rankingOf(hits))
  for (const reranker of rerankers) rankings = await applyReranker(reranker, { ...input, rankings }, options)
  return rankings
}

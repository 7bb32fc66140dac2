import {
  applyReranker,
  type Embeddings,
  type Gallery,
  type GallerySearchOptions,
  type GalleryView,
  type ImageRequest,
  type Ranking,
  type Reranker,
} from '@lookalike/core'
import { entryImages } from '@lookalike/image'

export interface RankImagesOptions extends GallerySearchOptions {
  /** Folders whose files the gallery's entries may name, absolute, besides the one that the gallery lies in. */
  readonly paths?: readonly string[] | undefined
}

/** The nearest images of a gallery to each query, reranked; at least as many as the rerankers look at. */
export async function rankImages(
  gallery: Gallery,
  embeddings: Embeddings,
  queryImages: readonly ImageRequest[],
  rerankers: readonly Reranker[],
  k: number,
  { paths, ...search }: RankImagesOptions = {},
): Promise<readonly Ranking[]> {
  const rankings = await gallery.rank(embeddings, depthOf(k, rerankers), search)
  return rerankAll(gallery, embeddings, queryImages, rerankers, rankings, { paths, ...search })
}

/** How many results a search needs whose rerankers look at some. */
export const depthOf = (k: number, rerankers: readonly Reranker[]): number =>
  Math.max(k, ...rerankers.map(({ topN }) => topN))

/** Lists of a gallery's positions, one a query, through all rerankers. */
export async function rerankAll(
  gallery: Gallery,
  embeddings: Embeddings,
  queryImages: readonly ImageRequest[],
  rerankers: readonly Reranker[],
  given: readonly Ranking[],
  { paths, ...search }: RankImagesOptions = {},
): Promise<readonly Ranking[]> {
  if (rerankers.length === 0) return given
  const { signal, onProgress, onWarning } = search
  const view: GalleryView = await gallery.view(search)
  const imageOf = entryImages(gallery.folder, { paths, onWarning })
  const galleryImages = Array.from({ length: view.embeddings.rows }, (_, position) => {
    const entry = gallery.at(position)
    return entry && imageOf(entry)
  })
  const input = { queries: embeddings, gallery: view, queryImages, galleryImages }
  let rankings = given
  for (const reranker of rerankers) {
    await reranker.prepare?.(view, { signal, onWarning })
    rankings = await applyReranker(reranker, { ...input, rankings }, { signal, onWarning, onProgress })
  }
  return rankings
}

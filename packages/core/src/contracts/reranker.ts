import type { Warning } from '../errors.js'
import type { Embeddings } from './embeddings.js'
import type { ImageRequest } from './image.js'
import type { Ranking } from './ranking.js'
import type { OperationOptions, SpecVersion } from './spec.js'

export interface RerankRequest {
  readonly ranking: Ranking
  /** The query's embedding, one row. */
  readonly query: Embeddings
  /** Embeddings of the ranking's first `min(topN, length)` candidates, in that order. */
  readonly candidates: Embeddings
  /** Only for rerankers whose `needs` is `images`. */
  readonly queryImage?: ImageRequest | undefined
  /** In the order of `candidates`; undefined where the gallery has no image for it. */
  readonly candidateImages?: readonly (ImageRequest | undefined)[]
}

export interface Reranked {
  /** As long as the request's ranking (unless the reranker `drops`): the first topN permuted, the tail untouched, distances still sorted. */
  readonly ranking: Ranking
  readonly warnings: readonly Warning[]
}

/** What a reranker may learn about the gallery before the first query. */
export interface GalleryView {
  readonly embeddings: Embeddings
  /** The k nearest gallery rows of each row of `queries`, nearest first. */
  nearest(queries: Embeddings, k: number): Promise<Ranking[]>
  /** Where the gallery is on disk, for what `index` of the reranker kept there. */
  readonly folder?: string | undefined
}

/** A gallery on disk whose images have changed. */
export interface GalleryFolder {
  /** The gallery's folder. A reranker keeps its own files in a folder of its name inside. */
  readonly folder: string
  /** All that are in the gallery now and have an image. */
  readonly images: readonly (ImageRequest & { readonly hash: string })[]
}

/** Reorders a query's first candidates. */
export interface Reranker {
  readonly specVersion: SpecVersion
  readonly name: string
  readonly needs: 'embeddings' | 'images'
  /** How many candidates it looks at. */
  readonly topN: number
  /** It leaves results out: what it returns is the beginning of the list as it was. */
  readonly drops?: boolean | undefined
  /**
   * Computes ahead what the reranker needs of each image, into the gallery's folder, and takes away what it kept of images that are gone.
   * Called when images were added or removed; what is there already costs nothing. Images that cannot be read are warnings.
   */
  index?(gallery: GalleryFolder, options?: OperationOptions): Promise<void>
  /** Called once for a gallery, before `rerank`. */
  prepare?(gallery: GalleryView, options?: OperationOptions): Promise<void>
  rerank(request: RerankRequest, options?: Pick<OperationOptions, 'signal'>): Promise<Reranked>
  dispose(): Promise<void>
}

import type { Warning } from '../errors.js'
import type { Embeddings } from './embeddings.js'
import type { Gallery } from './gallery.js'
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
  readonly candidateImages?: readonly (ImageRequest | undefined)[] | undefined
}

export interface Reranked {
  /** As long as the request's ranking (unless the reranker `drops`): the first topN permuted, the tail untouched, distances still sorted. */
  readonly ranking: Ranking
  readonly warnings: readonly Warning[]
}

/** What a reranker may learn about the gallery before it reranks. */
export interface GalleryView {
  /** The whole gallery for rerankers that look at it; for others the candidates at hand. Positions in rankings are rows of it. */
  readonly embeddings: Embeddings
  /** The k nearest gallery rows of each row of `queries`, nearest first. It may be asked for as long as lists of this gallery are reranked. */
  nearest(queries: Embeddings, k: number): Promise<Ranking[]>
  /** What `index` of the reranker kept, where there is a gallery that keeps it. */
  readonly codes?: Gallery['codes'] | undefined
}

/** A gallery whose images have changed. */
export interface RerankedGallery extends Pick<Gallery, 'name' | 'codes'> {
  /** All that are in the gallery now and have an image, some at a time. */
  images(): AsyncIterable<readonly (ImageRequest & { readonly hash: string })[]>
}

/** Reorders a query's first candidates. */
export interface Reranker {
  readonly specVersion: SpecVersion
  readonly name: string
  readonly needs: 'embeddings' | 'images'
  /** How many candidates it looks at. */
  readonly topN: number
  /**
   * It compares more than the candidates: all of the gallery's vectors are then read into memory for it. Default false.
   */
  readonly wholeGallery?: boolean | undefined
  /** It leaves results out: what it returns is the beginning of the list as it was. */
  readonly drops?: boolean | undefined
  /**
   * Computes ahead what the reranker needs of each image, keeps it in the gallery, and takes away what it kept of images that are gone.
   * Called when images were added or removed; what is there already costs nothing. Images that cannot be read are warnings.
   */
  index?(gallery: RerankedGallery, options?: OperationOptions): Promise<void>
  /** Called before `rerank`: once for a gallery by those that look at the whole of it, else for the candidates of each search. */
  prepare?(gallery: GalleryView, options?: OperationOptions): Promise<void>
  rerank(request: RerankRequest, options?: Pick<OperationOptions, 'signal'>): Promise<Reranked>
  dispose(): Promise<void>
}

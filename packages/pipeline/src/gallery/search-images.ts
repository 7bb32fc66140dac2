import {
  type Filter,
  type Gallery,
  type ImageRequest,
  LookalikeError,
  type Model,
  type OperationOptions,
  type Reranker,
} from '@lookalike/core'
import { type RankedImage, rankImages } from './rank-images.js'

export interface SearchImagesOptions extends OperationOptions {
  /** Only images whose metadata fit. */
  readonly filter?: Filter | undefined
  /**
   * Queries whose nearest image is at this distance or farther get no results but `noMatch`, as `Pipeline.noMatchThreshold` finds
   * it. Default: every query gets results.
   */
  readonly noMatch?: number | undefined
  /** Folders whose files the gallery's entries may name, absolute, besides the gallery's own. */
  readonly paths?: readonly string[] | undefined
}

export type SearchHit = RankedImage

export interface SearchResult {
  readonly query: ImageRequest
  /** Nearest first. */
  readonly hits: readonly SearchHit[]
  /** Of a query that has no match: what came nearest. */
  readonly noMatch?: { readonly threshold: number; readonly nearest: SearchHit | undefined }
}

/**
 * The k nearest images of a gallery to each query, reranked.
 *
 * @throws the codes of image reading: a query that cannot be read is an error. `gallery/unknown-key` for a filter of a key
 * that no image has, and the others of the gallery.
 */
export async function searchImages(
  gallery: Gallery,
  embed: Model['embed'],
  rerankers: readonly Reranker[],
  queries: readonly ImageRequest[],
  k: number,
  { filter, noMatch, paths, signal, onProgress, onWarning }: SearchImagesOptions = {},
): Promise<SearchResult[]> {
  if (!Number.isInteger(k) || k < 1)
    throw new LookalikeError('search/k', { problem: `k is ${k}`, expected: 'a whole number above 0' })
  const { embeddings } = await embed(queries, 'query', { signal, onProgress, onWarning, onCorrupt: 'fail' })
  const options = { filter, paths, signal, onProgress, onWarning }
  const ranked = await rankImages(gallery, embeddings, queries, rerankers, k, options)
  if (!filter && ranked.some((hits) => hits.length < k)) await warnOfSize(gallery, k, onWarning)
  return queries.map((query, row) => {
    const hits = ranked[row]!.slice(0, k)
    const [nearest] = hits
    if (noMatch === undefined || (nearest && nearest.distance < noMatch)) return { query, hits }
    return { query, hits: [], noMatch: { threshold: noMatch, nearest } }
  })
}

async function warnOfSize(gallery: Gallery, k: number, onWarning: OperationOptions['onWarning']): Promise<void> {
  const size = await gallery.count()
  if (k <= size) return
  onWarning?.({
    code: 'search/k-too-large',
    message: `${k} is larger than the gallery; all its ${size} images are ranked.`,
    fields: { k, size },
  })
}

import {
  type Filter,
  type Gallery,
  type GalleryEntry,
  type ImageRequest,
  LookalikeError,
  type Model,
  nearestName,
  type OperationOptions,
  type Ranking,
  type Reranker,
} from '@lookalike/core'
import { entryImages } from '@lookalike/image'
import { rankImages } from './rank-images.js'

export interface SearchImagesOptions extends OperationOptions {
  /** Only images whose metadata fit. */
  readonly filter?: Filter | undefined
  /**
   * Queries whose nearest image is at this distance or farther get no results but `noMatch`, as `Pipeline.noMatchThreshold` finds
   * it. Default: every query gets results.
   */
  readonly noMatch?: number | undefined
  /** Folders whose files the gallery's entries may name, absolute, besides the one that the gallery lies in. */
  readonly paths?: readonly string[] | undefined
}

/** A found image. */
export interface SearchHit {
  readonly entry: GalleryEntry
  readonly distance: number
  /** The image itself, where the gallery knows where it lies, and that is a place that it may name. */
  readonly image?: ImageRequest | undefined
}

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
 * @throws the codes of image reading: a query that cannot be read is an error. `search/unknown-key` for a filter of a key
 * that no image has.
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
  if (filter) checkFilter(gallery, filter)
  if (k > gallery.size) {
    onWarning?.({
      code: 'search/k-too-large',
      message: `${k} is larger than the gallery; all its ${gallery.size} images are ranked.`,
      fields: { k, size: gallery.size },
    })
  }
  const { embeddings } = await embed(queries, 'query', { signal, onProgress, onWarning, onCorrupt: 'fail' })
  const options = { ...(filter && { filter }), paths, signal, onProgress, onWarning }
  const rankings = await rankImages(gallery, embeddings, queries, rerankers, k, options)
  const imageOf = entryImages(gallery.folder, { paths, onWarning })
  return queries.map((query, row) => {
    const hits = hitsOf(rankings[row]!, k, gallery, imageOf)
    const [nearest] = hits
    if (noMatch === undefined || (nearest && nearest.distance < noMatch)) return { query, hits }
    return { query, hits: [], noMatch: { threshold: noMatch, nearest } }
  })
}

function hitsOf(
  { positions, distances }: Ranking,
  k: number,
  gallery: Gallery,
  imageOf: (entry: GalleryEntry) => ImageRequest | undefined,
): SearchHit[] {
  return Array.from(positions.subarray(0, k), (position, i) => {
    const entry = gallery.at(position)!
    const image = imageOf(entry)
    return { entry, distance: distances[i]!, image }
  })
}

/** A key that no image has would find nothing, and look like an answer. */
function checkFilter(gallery: Gallery, filter: Filter): void {
  const missing = new Set(Object.keys(filter))
  const keys = new Set<string>()
  for (const { metadata } of gallery.entries()) {
    for (const key of Object.keys(metadata ?? {})) {
      keys.add(key)
      missing.delete(key)
    }
    if (missing.size === 0) return
  }
  const [key] = missing
  if (key === undefined) return
  const near = nearestName(key, [...keys])
  throw new LookalikeError(
    'search/unknown-key',
    {
      problem: `No image of the gallery has the key ${JSON.stringify(key)}`,
      expected: keys.size > 0 ? `one of ${[...keys].sort().join(', ')}` : 'no filter: its images have no metadata',
      ...(near && { fix: `Did you mean "${near}"?` }),
    },
    { fields: { key, keys: [...keys].sort() } },
  )
}

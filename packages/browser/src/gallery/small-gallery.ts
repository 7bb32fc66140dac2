import { assertComparable, type Embeddings, topK } from '@lookalike/core'
import type { GalleryImage } from '../manifest.js'
import { createComparison } from './comparison.js'
import type { GalleryRows } from './gallery-rows.js'

export interface FoundImage extends GalleryImage {
  /** 1 - inner product. */
  readonly distance: number
}

export interface SmallGallery {
  readonly space: string
  readonly dim: number
  readonly size: number
  readonly images: readonly GalleryImage[]
  /**
   * The `k` images nearest to a query, nearest first: every image is compared.
   *
   * @throws `embeddings/space`, `embeddings/dim`, `embeddings/role`
   */
  search(query: Embeddings, options?: SmallSearch): FoundImage[]
}

export interface SmallSearch {
  /** Default 12. */
  readonly k?: number | undefined
  /** Only images of at most this distance. */
  readonly threshold?: number | undefined
}

/**
 * A gallery in memory: for some ten thousand images.
 *
 * @throws `browser/webassembly` where the page forbids it
 */
export function createSmallGallery(gallery: GalleryRows, images: readonly GalleryImage[], space: string): SmallGallery {
  const { rows, dim } = gallery
  const compare = createComparison(gallery)
  return {
    space,
    dim,
    size: rows,
    images,
    search(query, { k = 12, threshold = Infinity } = {}) {
      assertComparable(query, { space, dim, role: 'query' })
      const similarities = compare(query.data)
      return Array.from(topK(similarities, k), (row) => ({ ...images[row]!, distance: 1 - similarities[row]! })).filter(
        ({ distance }) => distance <= threshold,
      )
    },
  }
}

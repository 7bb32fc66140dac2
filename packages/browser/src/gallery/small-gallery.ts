import { assertComparable, type Embeddings, topK } from '@lookalike/core'
import type { GalleryImage } from '../manifest.js'
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

/** A gallery in memory: for some ten thousand images. */
export function createSmallGallery(
  { data, scales, rows, dim }: GalleryRows,
  images: readonly GalleryImage[],
  space: string,
): SmallGallery {
  const similarities = new Float32Array(rows)
  return {
    space,
    dim,
    size: rows,
    images,
    search(query, { k = 12, threshold = Infinity } = {}) {
      assertComparable(query, { space, dim, role: 'query' })
      const vector = query.data
      for (let row = 0, at = 0; row < rows; row++) {
        // Four sums that do not wait for each other.
        let [a, b, c, d] = [0, 0, 0, 0]
        const end = at + dim
        let i = 0
        for (; at + 3 < end; at += 4, i += 4) {
          a += data[at]! * vector[i]!
          b += data[at + 1]! * vector[i + 1]!
          c += data[at + 2]! * vector[i + 2]!
          d += data[at + 3]! * vector[i + 3]!
        }
        for (; at < end; at++, i++) a += data[at]! * vector[i]!
        similarities[row] = (a + b + c + d) * scales[row]!
      }
      return Array.from(topK(similarities, k), (row) => ({ ...images[row]!, distance: 1 - similarities[row]! })).filter(
        ({ distance }) => distance <= threshold,
      )
    },
  }
}

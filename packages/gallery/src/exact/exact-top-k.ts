import { assertComparable, createEmbeddings, type Embeddings, type Ranking, type SearchOptions } from '@lookalike/core'
import { checkK } from '@lookalike/core/gallery'
import { createBlockSearcher } from './block-searcher.js'

export interface ExactTopKOptions extends SearchOptions {
  /** Processor threads. Default: all. */
  readonly threads?: number | undefined
}

/**
 * The k nearest gallery rows of each query by inner product, exactly: nearest first, of equals the lower position. Shorter
 * lists where the gallery, or what `allow` leaves of it, is smaller.
 *
 * @throws what `createEmbeddings` throws, `embeddings/space`, `embeddings/dim`, `embeddings/role` when the two do not fit, `index/k`.
 */
export async function exactTopK(
  queries: Embeddings,
  gallery: Embeddings,
  k: number,
  options: ExactTopKOptions = {},
): Promise<Ranking[]> {
  checkK(k)
  assertComparable(queries, { space: gallery.space, dim: gallery.dim, role: 'query' })
  assertComparable(gallery, { space: gallery.space, dim: gallery.dim, role: 'gallery' })
  const [asked, rows] = [createEmbeddings({ ...queries }), createEmbeddings({ ...gallery })]
  const searcher = createBlockSearcher(gallery.dim, options.threads)
  try {
    return await searcher.search(
      [{ start: 0, rows: gallery.rows, data: rows.data }],
      asked.data,
      asked.rows,
      k,
      options,
    )
  } finally {
    await searcher.dispose()
  }
}

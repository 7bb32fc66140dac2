import { type Embeddings, rowOf } from '@lookalike/core'
import { innerProduct } from '../compare.js'

/** Every row's distance to each query, `1 - inner product`, nearest first; ties by position. */
export function bruteForce(
  queries: Embeddings,
  rows: Embeddings,
  allow: (position: number) => boolean = () => true,
): { position: number; distance: number }[][] {
  return Array.from({ length: queries.rows }, (_, query) =>
    Array.from({ length: rows.rows }, (__, position) => ({
      position,
      distance: 1 - innerProduct(rowOf(queries, query), rowOf(rows, position)),
    }))
      .filter(({ position }) => allow(position))
      .sort((a, b) => a.distance - b.distance || a.position - b.position),
  )
}

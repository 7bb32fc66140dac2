import type { Embeddings } from '../contracts/embeddings.js'
import type { Ranking } from '../contracts/ranking.js'
import type { OperationOptions } from '../contracts/spec.js'
import type { VectorIndex } from '../contracts/vector-index.js'

/** Queries searched at a time, so that progress moves and memory stays flat. */
const BLOCK = 1024

/**
 * The nearest gallery rows of each query, without the rows that a query may not find (itself, frames of its own video).
 *
 * @param excluded gallery positions that query `row` may not find
 */
export async function searchGallery(
  index: VectorIndex,
  queries: Embeddings,
  k: number,
  excluded: (row: number) => ReadonlySet<number>,
  options: OperationOptions = {},
): Promise<Ranking[]> {
  const found: Ranking[] = []
  for (let start = 0; start < queries.rows; start += BLOCK) {
    options.signal?.throwIfAborted()
    const rows = Math.min(BLOCK, queries.rows - start)
    let most = 0
    for (let row = start; row < start + rows; row++) most = Math.max(most, excluded(row).size)
    const block = { ...queries, data: queries.data.subarray(start * queries.dim, (start + rows) * queries.dim), rows }
    const rankings = await index.search(block, k + most, options.signal && { signal: options.signal })
    for (const [i, ranking] of rankings.entries()) found.push(without(ranking, excluded(start + i), k))
    options.onProgress?.({ phase: 'search', done: start + rows, total: queries.rows, unit: 'query' })
  }
  return found
}

function without(ranking: Ranking, excluded: ReadonlySet<number>, k: number): Ranking {
  if (excluded.size === 0 && ranking.positions.length <= k) return ranking
  const kept: number[] = []
  for (let i = 0; i < ranking.positions.length && kept.length < k; i++)
    if (!excluded.has(ranking.positions[i]!)) kept.push(i)
  return Object.freeze({
    positions: Int32Array.from(kept, (i) => ranking.positions[i]!),
    distances: Float32Array.from(kept, (i) => ranking.distances[i]!),
  })
}

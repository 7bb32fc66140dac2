import { type GalleryView, LookalikeError, type OperationOptions, selectRows } from '@lookalike/core'

/** Each gallery row's nearest other rows, nearest first. */
export interface GalleryNeighbours {
  readonly rows: number
  /** Neighbours of a row. */
  readonly k: number
  /** `[rows, k]`; -1 where the gallery has no more. */
  readonly positions: Int32Array
  /** `[rows, k]`; `1 - inner product`, infinite where there is none. */
  readonly distances: Float32Array
}

/** Rows that are searched at a time, so that progress moves and an abort is heard. */
const BLOCK = 1024

/**
 * Searches the gallery with its own rows. Vectors of asymmetric models are compared on the gallery's side alone.
 *
 * @throws what the index throws; the signal's reason.
 */
export async function findGalleryNeighbours(
  gallery: GalleryView,
  k: number,
  options: OperationOptions = {},
): Promise<GalleryNeighbours> {
  const { embeddings } = gallery
  const { rows } = embeddings
  const positions = new Int32Array(rows * k).fill(-1)
  const distances = new Float32Array(rows * k).fill(Infinity)
  for (let start = 0; start < rows; start += BLOCK) {
    options.signal?.throwIfAborted()
    const count = Math.min(BLOCK, rows - start)
    const block = {
      ...selectRows(
        embeddings,
        Int32Array.from({ length: count }, (_, i) => start + i),
      ),
      role: 'any' as const,
    }
    const found = await gallery.nearest(block, k + 1)
    for (const [i, ranking] of found.entries()) {
      const row = start + i
      let filled = 0
      for (let rank = 0; rank < ranking.positions.length && filled < k; rank++) {
        if (ranking.positions[rank] === row) continue
        positions[row * k + filled] = ranking.positions[rank]!
        distances[row * k + filled] = ranking.distances[rank]!
        filled++
      }
    }
    options.onProgress?.({ phase: 'neighbours of the gallery', done: start + count, total: rows, unit: 'image' })
  }
  return { rows, k, positions, distances }
}

/** What a reranker that needs the gallery throws when it was never shown one. */
export function notPrepared(name: string): LookalikeError {
  return new LookalikeError(
    'reranker/not-prepared',
    {
      problem: `The reranker "${name}" was used before it saw the gallery`,
      expected: 'one call of prepare(gallery) for each gallery',
      fix: 'Call prepare before rerank.',
    },
    { fields: { reranker: name } },
  )
}

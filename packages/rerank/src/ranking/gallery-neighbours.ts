import { type GalleryView, LookalikeError, type OperationOptions, type Ranking, selectRows } from '@lookalike/core'

/** Each gallery row's nearest other rows, nearest first; of the rows that were learnt. */
export interface GalleryNeighbours {
  readonly rows: number
  /** Neighbours of a row. */
  readonly k: number
  /** `[rows, k]`; -1 where the gallery has no more. */
  readonly positions: Int32Array
  /** `[rows, k]`; `1 - inner product`, infinite where there is none. */
  readonly distances: Float32Array
  isLearnt(row: number): boolean
  /**
   * Searches the gallery with those of these rows that were not learnt yet. Vectors of asymmetric models are compared on the gallery's side
   * alone.
   *
   * @throws what the index throws; the signal's reason.
   */
  learn(rows: Iterable<number>, options?: Pick<OperationOptions, 'signal'>): Promise<void>
}

/** Rows that are searched at a time, so that an abort is heard. */
const BLOCK = 1024

/** A list looks at few of a gallery's rows: each is learnt when a list needs it. */
export function createGalleryNeighbours({ embeddings, nearest }: GalleryView, k: number): GalleryNeighbours {
  const { rows } = embeddings
  const positions = new Int32Array(rows * k).fill(-1)
  const distances = new Float32Array(rows * k).fill(Infinity)
  const learnt = new Uint8Array(rows)

  const keep = (row: number, found: Ranking) => {
    let filled = 0
    for (let rank = 0; rank < found.positions.length && filled < k; rank++) {
      if (found.positions[rank] === row) continue
      positions[row * k + filled] = found.positions[rank]!
      distances[row * k + filled] = found.distances[rank]!
      filled++
    }
    learnt[row] = 1
  }

  return {
    rows,
    k,
    positions,
    distances,
    isLearnt: (row) => learnt[row] === 1,
    async learn(wanted, { signal } = {}) {
      const missing = [...new Set(wanted)].filter((row) => learnt[row] === 0)
      for (let start = 0; start < missing.length; start += BLOCK) {
        signal?.throwIfAborted()
        const block = missing.slice(start, start + BLOCK)
        const found = await nearest({ ...selectRows(embeddings, block), role: 'any' }, k + 1)
        for (const [i, row] of block.entries()) keep(row, found[i]!)
      }
    },
  }
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

import { dotRows, type Embeddings, type SimilarityEngine } from '@lookalike/core'
import type { JudgedQuery } from './judgement.js'
import { createRankRelevant } from './rank-relevant.js'
import type { Relevance } from './truth.js'

/** Similarities held at a time. */
const BLOCK_VALUES = 1 << 24
const BLOCK_QUERIES = 256

/** Judges queries against one gallery, a block at a time. */
export interface Judge {
  /** Queries that a call may judge at most. */
  readonly block: number
  /**
   * @param start number of the first query, as the relevance counts them
   * @returns one entry a query; undefined where the gallery has no right answer
   */
  judge(queries: Embeddings, start: number): Promise<(JudgedQuery | undefined)[]>
  dispose(): Promise<void>
}

/**
 * Ranks follow the inner product in double precision, ties go to the lower position. An engine's single-precision sums decide
 * only where they are further apart than their rounding; closer rows are multiplied again here. So all engines give the same
 * ranks, also for images that are in the gallery twice.
 */
export async function createJudge(gallery: Embeddings, relevance: Relevance, engine: SimilarityEngine): Promise<Judge> {
  const { rows: count, dim } = gallery
  const longest = longestRow(gallery)
  const rankRelevant = createRankRelevant(count)
  const similarities = count > 0 ? await engine(gallery) : undefined
  return {
    block: Math.max(1, Math.min(BLOCK_QUERIES, Math.floor(BLOCK_VALUES / Math.max(1, count)))),
    async judge(queries, start) {
      const values = (await similarities?.compute(queries.data, queries.rows)) ?? new Float32Array(0)
      return Array.from({ length: queries.rows }, (_, row) => {
        const relevant = relevance.relevantTo(start + row)
        if (relevant.length === 0) return undefined
        const excluded = relevance.excludedFrom(start + row)
        const hits = rankRelevant(values.subarray(row * count, (row + 1) * count), relevant, excluded, {
          tolerance: roundingOf(dim) * longest * Math.sqrt(dotRows(queries.data, row, queries.data, row, dim)),
          exact: (position) => dotRows(queries.data, row, gallery.data, position, dim),
        })
        return { query: start + row, hits, relevant: relevant.length, depth: count - excluded.size, complete: true }
      })
    },
    dispose: async () => similarities?.dispose(),
  }
}

/**
 * By how much two single-precision inner products of unit vectors may be off together: half a unit in the last place for each
 * of the steps that a sum in blocks takes, whose signs are mixed.
 */
const roundingOf = (dim: number) => 2 ** -24 * (4 + Math.sqrt(dim) / 2)

function longestRow({ data, rows, dim }: Embeddings): number {
  let longest = 0
  for (let row = 0; row < rows; row++) longest = Math.max(longest, dotRows(data, row, data, row, dim))
  return Math.sqrt(longest)
}

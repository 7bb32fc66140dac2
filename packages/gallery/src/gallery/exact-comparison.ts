import { createRanking, type Embeddings, type OperationOptions, type Ranking } from '@lookalike/core'
import type { createBlockSearcher } from '../exact/block-searcher.js'
import { BLOCK_ROWS } from '../exact/row-blocks.js'
import type { AllowedRows } from './allowed-rows.js'

/** Bytes of the allowed images' vectors that are kept with their filter. */
const KEPT_BYTES = 64 * 2 ** 20

/** Compares queries with given rows of a gallery, exactly. */
export function createExactComparison(
  searcher: ReturnType<typeof createBlockSearcher>,
  vectors: (positions: readonly number[]) => Promise<Embeddings>,
) {
  async function compareAllowed(
    queries: Embeddings,
    k: number,
    allowed: AllowedRows,
    rest: OperationOptions,
  ): Promise<Ranking[]> {
    const data = allowed.vectors ?? (await vectors(allowed.positions)).data
    if (data.byteLength <= KEPT_BYTES) allowed.vectors = data
    const block = { start: 0, rows: allowed.count, data }
    const rankings = await searcher.search([block], queries.data, queries.rows, k, rest)
    return rankings.map(({ positions, distances }) =>
      createRanking(
        positions.map((row) => allowed.positions[row]!),
        distances,
      ),
    )
  }

  /** Exactly, a block of rows after the other. */
  async function compareAll(
    queries: Embeddings,
    k: number,
    positions: readonly number[],
    rest: OperationOptions,
  ): Promise<Ranking[]> {
    let best: Ranking[] | undefined
    for (let start = 0; start < positions.length; start += BLOCK_ROWS) {
      const part = positions.slice(start, start + BLOCK_ROWS)
      const allowed = { count: part.length, positions: part, allows: () => true, vectors: (await vectors(part)).data }
      const found = await compareAllowed(queries, k, allowed, rest)
      best = best ? best.map((ranking, row) => merge(ranking, found[row]!, k)) : found
    }
    return best ?? []
  }

  return { compareAllowed, compareAll }
}

/** The nearest of two rankings; the positions of the second are higher. */
function merge(a: Ranking, b: Ranking, k: number): Ranking {
  const both = [a, b].flatMap(({ positions, distances }) =>
    Array.from(positions, (position, i) => ({ position, distance: distances[i]! })),
  )
  const best = both.sort((x, y) => x.distance - y.distance || x.position - y.position).slice(0, k)
  return createRanking(
    Int32Array.from(best, ({ position }) => position),
    Float32Array.from(best, ({ distance }) => distance),
  )
}

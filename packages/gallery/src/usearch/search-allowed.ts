import { createRanking, norm, pickRows, type Ranking } from '@lookalike/core'
import type { NodeKeys } from './node-keys.js'
import type { UsearchGraph } from './usearch-graph.js'

export interface SearchedGraph {
  readonly graph: UsearchGraph
  readonly keys: NodeKeys
  /** Positions that are left out. */
  readonly removed: ReadonlySet<number>
  readonly dim: number
  /** The length of all gallery vectors, where only directions are kept. */
  readonly common: number | undefined
}

type Allow = ((position: number) => boolean) | undefined

/** A graph of so few nodes is looked at as a whole, which takes a millisecond: a neighbour is missed only where no way leads to it (ours). */
const SMALL = 1024

/** The graph knows no filter and nothing of removed rows: more is fetched until enough of it counts, in the end everything. */
export function searchAllowed(
  searched: SearchedGraph,
  queries: Float32Array,
  count: number,
  k: number,
  allow: Allow,
): Ranking[] {
  const { graph, keys, removed, dim } = searched
  const results: Ranking[] = Array.from({ length: count }, () => createRanking(new Int32Array(), new Float32Array()))
  const nodes = graph.size
  const live = keys.rows - removed.size
  const wanted = Math.min(k, live)
  let waiting = Array.from({ length: count }, (_, row) => row)
  let fetched = nodes <= SMALL ? nodes : Math.min(nodes, Math.ceil((wanted * nodes) / Math.max(1, live)))
  if (wanted === 0) return results
  for (;;) {
    const part = waiting.length === count ? queries : pickRows(queries, dim, waiting)
    const rankings = nearest(searched, part, waiting.length, wanted, fetched, allow)
    for (const [i, row] of waiting.entries()) results[row] = rankings[i]!
    if (fetched === nodes) return results
    waiting = waiting.filter((row) => results[row]!.positions.length < wanted)
    if (waiting.length === 0) return results
    fetched = Math.min(nodes, fetched * 4)
  }
}

/** Of each query, positions that are there and allowed, nearest first. Fewer than `k` where what was fetched has no more. */
function nearest(
  { graph, keys, removed, dim, common }: SearchedGraph,
  queries: Float32Array,
  count: number,
  k: number,
  fetched: number,
  allow: Allow,
): Ranking[] {
  return graph.nearest(queries, count, fetched).map((found, row) => {
    // usearch gives 1 - cosine for directions: the lengths are put back.
    const scale = common === undefined ? undefined : norm(queries.subarray(row * dim, (row + 1) * dim)) * common
    const there = found
      .flatMap(({ key, distance }) => {
        const position = keys.positionOf(key)
        if (position === undefined || removed.has(position) || !(allow?.(position) ?? true)) return []
        return [{ position, distance: scale === undefined ? distance : 1 - scale * (1 - distance) }]
      })
      .sort((a, b) => a.distance - b.distance || a.position - b.position)
      .slice(0, k)
    return createRanking(
      Int32Array.from(there, ({ position }) => position),
      Float32Array.from(there, ({ distance }) => distance),
    )
  })
}

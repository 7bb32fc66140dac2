import { dotRows } from '@lookalike/core'
import type { GalleryNeighbours } from '../ranking/gallery-neighbours.js'

export interface NeighbourhoodInput {
  /** The query's embedding. */
  readonly query: Float32Array
  /** Row-major `[rows, query.length]`. */
  readonly gallery: Float32Array
  /** At least `k1` neighbours of each gallery row. */
  readonly neighbours: GalleryNeighbours
  /** Gallery rows by their distance from the query, nearest first; the first `k1` of them are the query's neighbours. */
  readonly ranked: Int32Array
  readonly k1: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Who is near whom in the set that one query and the gallery make. Nodes are gallery rows and the query; what is asked of a node needs its
 * neighbours, so `learn` comes first.
 */
export interface MutualNeighbours {
  /** The query's node. */
  readonly query: number
  /** Inner product. */
  similarity(a: number, b: number): number
  /** Each of the nodes itself and its k nearest others. */
  nearest(nodes: Iterable<number>, k: number): number[]
  isMutual(a: number, b: number, k: number): boolean
  /** k1-reciprocal neighbours, the node itself among them; all its neighbours are known. */
  reciprocal(node: number): ReadonlySet<number>
  /** Reciprocal neighbours of half of k1, as far as they are known, and those of the nearest that are not known. */
  reciprocalHalf(node: number): { readonly known: readonly number[]; readonly open: readonly number[] }
  /** @throws what the index throws; the signal's reason */
  learn(nodes: Iterable<number>): Promise<void>
}

export function createMutualNeighbours(input: NeighbourhoodInput): MutualNeighbours {
  const { query, gallery, neighbours, ranked, k1, signal } = input
  const dim = query.length
  const QUERY = neighbours.rows
  const half = roundHalfToEven(k1 / 2)

  const similarity = (a: number, b: number) => {
    if (a === QUERY) return b === QUERY ? dotRows(query, 0, query, 0, dim) : dotRows(query, 0, gallery, b, dim)
    return b === QUERY ? dotRows(query, 0, gallery, a, dim) : dotRows(gallery, a, gallery, b, dim)
  }

  /** A node itself and its k1 nearest others, the query among them. */
  const listOf = memo((node: number): Int32Array => {
    if (node === QUERY) return Int32Array.of(QUERY, ...ranked.subarray(0, k1))
    const list = [node]
    const toQuery = 1 - similarity(node, QUERY)
    let seen = false
    for (let i = 0; i < neighbours.k && list.length <= k1; i++) {
      const position = neighbours.positions[node * neighbours.k + i]!
      if (!seen && (position < 0 || toQuery < neighbours.distances[node * neighbours.k + i]!)) {
        list.push(QUERY)
        seen = true
      }
      if (position < 0) break
      if (list.length <= k1) list.push(position)
    }
    return Int32Array.from(list)
  })
  const isNear = (node: number, other: number, k: number) => {
    const place = listOf(node).indexOf(other)
    return place >= 0 && place <= k
  }
  const nearest = (nodes: Iterable<number>, k: number) => {
    const found: number[] = []
    for (const node of nodes) found.push(...listOf(node).subarray(0, k + 1))
    return found
  }
  const isMutual = (a: number, b: number, k: number) => isNear(a, b, k) && isNear(b, a, k)
  const isKnown = (node: number) => node === QUERY || neighbours.isLearnt(node)

  return {
    query: QUERY,
    similarity,
    nearest,
    isMutual,
    reciprocal: memo((node) => new Set(nearest([node], k1).filter((other) => isMutual(node, other, k1)))),
    reciprocalHalf(node) {
      const near = nearest([node], half)
      return {
        known: near.filter((other) => isKnown(other) && isNear(other, node, half)),
        open: near.filter((other) => !isKnown(other)),
      }
    },
    learn: (nodes) =>
      neighbours.learn(
        [...nodes].filter((node) => !isKnown(node)),
        { signal },
      ),
  }
}

export function memo<T>(compute: (node: number) => T): (node: number) => T {
  const known = new Map<number, T>()
  return (node) => {
    let value = known.get(node)
    if (value === undefined) known.set(node, (value = compute(node)))
    return value
  }
}

/** As numpy rounds, which the paper's code uses for half of k1. */
function roundHalfToEven(value: number): number {
  const floor = Math.floor(value)
  return value - floor === 0.5 ? floor + (floor % 2) : Math.round(value)
}

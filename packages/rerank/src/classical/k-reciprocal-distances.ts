import { dotRows } from '@lookalike/core'
import type { GalleryNeighbours } from '../ranking/gallery-neighbours.js'

/**
 * k-reciprocal encoding (Zhong, Zheng, Cao, Li: Re-ranking Person Re-identification with k-reciprocal Encoding, CVPR 2017), on the set
 * that one query and the gallery make.
 */
export interface KReciprocalInput {
  /** The query's embedding. */
  readonly query: Float32Array
  /** Row-major `[rows, query.length]`. */
  readonly gallery: Float32Array
  /** At least `k1` neighbours of each gallery row. */
  readonly neighbours: GalleryNeighbours
  /** Gallery rows by their distance from the query, nearest first; the first `k1` of them are the query's neighbours. */
  readonly ranked: Int32Array
  /** How many of `ranked` to judge. */
  readonly count: number
  readonly k1: number
  readonly k2: number
  readonly lambda: number
}

/** `(1 - lambda) * Jaccard distance + lambda * (1 - inner product)` of the query and each of the first `count` ranked rows. */
export function kReciprocalDistances(input: KReciprocalInput): Float64Array {
  const { query, gallery, neighbours, ranked, count, k1, k2, lambda } = input
  const dim = query.length
  const QUERY = neighbours.rows
  const half = roundHalfToEven(k1 / 2)

  const similarity = (a: number, b: number) => {
    if (a === QUERY) return b === QUERY ? dotRows(query, 0, query, 0, dim) : dotRows(query, 0, gallery, b, dim)
    return b === QUERY ? dotRows(query, 0, gallery, a, dim) : dotRows(gallery, a, gallery, b, dim)
  }

  /** Each node itself and its k1 nearest others, the query among them. */
  const nearest = memo((node: number): Int32Array => {
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

  const reciprocal = (node: number, k: number) => {
    const found: number[] = []
    for (const other of nearest(node).subarray(0, k + 1))
      if (
        nearest(other)
          .subarray(0, k + 1)
          .includes(node)
      )
        found.push(other)
    return found
  }
  const reciprocalHalf = memo((node: number) => reciprocal(node, half))

  /** The node's weights over its expanded k-reciprocal set; they sum to 1. */
  const encode = memo((node: number): ReadonlyMap<number, number> => {
    const own = new Set(reciprocal(node, k1))
    const expanded = new Set(own)
    for (const member of own) {
      const theirs = reciprocalHalf(member)
      let shared = 0
      for (const other of theirs) if (own.has(other)) shared++
      if (shared > (2 / 3) * theirs.length) for (const other of theirs) expanded.add(other)
    }
    const weights = new Map<number, number>()
    let total = 0
    for (const other of expanded) {
      const weight = Math.exp(similarity(node, other) - 1)
      weights.set(other, weight)
      total += weight
    }
    for (const [other, weight] of weights) weights.set(other, weight / total)
    return weights
  })

  /** Local query expansion: the mean encoding of the node's k2 nearest, itself included. */
  const smooth = (node: number): ReadonlyMap<number, number> => {
    if (k2 === 1) return encode(node)
    const members = nearest(node).subarray(0, k2)
    const mean = new Map<number, number>()
    for (const member of members) {
      for (const [other, weight] of encode(member)) mean.set(other, (mean.get(other) ?? 0) + weight / members.length)
    }
    return mean
  }

  const own = smooth(QUERY)
  return Float64Array.from({ length: count }, (_, i) => {
    let common = 0
    for (const [other, weight] of smooth(ranked[i]!)) common += Math.min(weight, own.get(other) ?? 0)
    return (1 - lambda) * (1 - common / (2 - common)) + lambda * (1 - similarity(QUERY, ranked[i]!))
  })
}

function memo<T>(compute: (node: number) => T): (node: number) => T {
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

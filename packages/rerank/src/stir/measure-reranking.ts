import type { Embeddings } from '@lookalike/core'
import { dotRows } from '../ranking/vectors.js'

/** The nearest other items of each item that has another of its class. */
export interface Neighbourhood {
  readonly query: number
  readonly candidates: readonly number[]
  /** `1 - inner product` of the query and each candidate. */
  readonly distances: readonly number[]
}

export function findNeighbourhoods({ data, rows, dim }: Embeddings, labels: readonly string[], topN: number): Neighbourhood[] {
  const counts = new Map<string, number>()
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1)
  return Array.from({ length: rows }, (_, query) => query).flatMap((query) => {
    if (counts.get(labels[query]!)! < 2) return []
    const nearest = Array.from({ length: rows }, (_, i) => ({ i, distance: 1 - dotRows(data, query, data, i, dim) }))
      .filter(({ i }) => i !== query)
      .sort((a, b) => a.distance - b.distance || a.i - b.i)
      .slice(0, topN)
    return [{ query, candidates: nearest.map(({ i }) => i), distances: nearest.map(({ distance }) => distance) }]
  })
}

/** Weights of the encoder's distance that are tried. */
const SCALES = [0, 0.5, 1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 100, 1000]

export interface MeasuredReranking {
  /** CMC@1 of the lists as they are. */
  readonly before: number
  /** CMC@1 of the lists sorted by `logit + scale * distance`. */
  readonly after: number
  /** The smallest weight of the distance with the best `after`. */
  readonly scale: number
}

/**
 * How good lists become when they are sorted by a pair model's logits.
 *
 * @param logits one for each query's each candidate, in order
 * @param scale the weight of the encoder's distance; absent: the best one is chosen
 */
export function measureReranking(lists: readonly Neighbourhood[], labels: readonly string[], logits: Float32Array, scale?: number): MeasuredReranking {
  const share = (scaleNow: number) => {
    let right = 0
    let at = 0
    for (const { query, candidates, distances } of lists) {
      const value = (i: number) => logits[at + i]! + scaleNow * distances[i]!
      let best = 0
      for (let i = 1; i < candidates.length; i++) if (value(i) < value(best)) best = i
      at += candidates.length
      if (labels[candidates[best]!] === labels[query]) right++
    }
    return right / Math.max(1, lists.length)
  }
  const before = lists.filter(({ query, candidates }) => labels[candidates[0]!] === labels[query]).length / Math.max(1, lists.length)
  const tried = (scale === undefined ? SCALES : [scale]).map((one) => ({ before, after: share(one), scale: one }))
  return tried.reduce((best, one) => (one.after > best.after ? one : best))
}

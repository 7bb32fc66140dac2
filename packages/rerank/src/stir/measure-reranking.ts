import { dotRows, type Embeddings, type OperationOptions, selectRows } from '@lookalike/core'
import { exactTopK } from '@lookalike/gallery'

/** The results of a search for each item that has another of its class: other items, nearest first. */
export interface Neighbourhood {
  readonly query: number
  readonly candidates: readonly number[]
  /** `1 - inner product` of the query and each candidate, by the encoder that the pair model is made of. */
  readonly distances: readonly number[]
}

/** The nearest other items by `search` where something else than the encoder searches. */
export async function findLists(
  { embeddings, search }: { readonly embeddings: Embeddings; readonly search?: Embeddings | undefined },
  labels: ArrayLike<string | number>,
  topN: number,
  options: OperationOptions & { readonly threads?: number | undefined } = {},
): Promise<Neighbourhood[]> {
  const lists = await findNeighbourhoods(search ?? embeddings, labels, topN, options)
  if (!search) return lists
  const { data, dim } = embeddings
  return lists.map(({ query, candidates }) => ({
    query,
    candidates,
    distances: candidates.map((candidate) => 1 - dotRows(data, query, data, candidate, dim)),
  }))
}

export async function findNeighbourhoods(
  embeddings: Embeddings,
  labels: ArrayLike<string | number>,
  topN: number,
  options: OperationOptions & { readonly threads?: number | undefined } = {},
): Promise<Neighbourhood[]> {
  const counts = new Map<string | number, number>()
  for (const label of Array.from(labels)) counts.set(label, (counts.get(label) ?? 0) + 1)
  const queries = Array.from(labels).flatMap((label, row) => (counts.get(label)! > 1 ? [row] : []))
  if (queries.length === 0) return []
  const found = await exactTopK(selectRows(embeddings, queries), embeddings, topN + 1, options)
  return found.map(({ positions, distances }, i) => {
    const query = queries[i]!
    const ranks = Array.from(positions.keys())
      .filter((rank) => positions[rank] !== query)
      .slice(0, topN)
    return {
      query,
      candidates: ranks.map((rank) => positions[rank]!),
      distances: ranks.map((rank) => distances[rank]!),
    }
  })
}

/** Weights of the encoder's distance that are tried. */
export const SCALES: readonly number[] = [0, 0.5, 1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 100, 1000]

export interface MeasuredReranking {
  /** CMC@1 of the lists as they are. */
  readonly before: number
  /** CMC@1 of the lists sorted by `logit + scale * distance`. */
  readonly after: number
  /** The first weight of the distance with the best `after`. */
  readonly scale: number
}

/**
 * How good lists become when they are sorted by a pair model's logits.
 *
 * @param logits one for each query's each candidate, in order
 * @param scales weights of the encoder's distance: the first of those with the best result is chosen
 */
export function measureReranking(
  lists: readonly Neighbourhood[],
  labels: readonly string[],
  logits: Float32Array,
  scales: readonly number[] = SCALES,
): MeasuredReranking {
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
  const before =
    lists.filter(({ query, candidates }) => labels[candidates[0]!] === labels[query]).length / Math.max(1, lists.length)
  const tried = scales.map((one) => ({ before, after: share(one), scale: one }))
  return tried.reduce((best, one) => (one.after > best.after ? one : best))
}

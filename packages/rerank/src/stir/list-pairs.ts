import { LookalikeError, type Random } from '@lookalike/core'
import type { Neighbourhood } from './measure-reranking.js'
import type { PlannedBatch } from './pair-batches.js'

/**
 * Batches of search results: training images with the images that a search among all training images finds first, right and wrong ones as they
 * come. That is what a reranker is shown later. Lists that are right or wrong as a whole have no order to learn and are left out (ours).
 *
 * @param images how many images a batch may hold
 * @returns for an epoch, its batches; every list is in one of them, but for a rest that fills none
 * @throws `pair/no-lists` when no list is mixed.
 */
export function createListBatches(
  lists: readonly Neighbourhood[],
  labels: Int32Array,
  images: number,
): (random: Random) => PlannedBatch[] {
  const mixed = lists.filter(
    ({ query, candidates }) => new Set(candidates.map((candidate) => labels[candidate] === labels[query])).size === 2,
  )
  if (mixed.length === 0) {
    throw new LookalikeError(
      'pair/no-lists',
      {
        problem: `Of ${lists.length} training images' search results, none holds right and wrong images, so there is no order to learn`,
        expected: 'training classes with at least two images, some of which are mistaken for another class',
        fix: 'Raise "topN", or set "pairs" to "batch".',
      },
      { fields: { lists: lists.length } },
    )
  }
  const longest = Math.max(1, ...mixed.map(({ candidates }) => candidates.length))
  const perBatch = Math.max(1, Math.floor(images / (longest + 1)))
  return (random) => {
    const order = random.permutation(mixed.length)
    const batches = Math.max(1, Math.floor(mixed.length / perBatch))
    return Array.from({ length: batches }, (_, i) =>
      planned(
        Array.from(order.subarray(i * perBatch, (i + 1) * perBatch), (list) => mixed[list]!),
        labels,
      ),
    )
  }
}

function planned(lists: readonly Neighbourhood[], labels: Int32Array): PlannedBatch {
  const rows = new Map<number, number>()
  const rowOf = (position: number) => {
    if (!rows.has(position)) rows.set(position, rows.size)
    return rows.get(position)!
  }
  const pairs = lists.flatMap(({ query, candidates }) =>
    candidates.map(
      (candidate) => [rowOf(query), rowOf(candidate), labels[query] === labels[candidate] ? 0 : 1] as const,
    ),
  )
  const all = {
    query: Int32Array.from(pairs, ([query]) => query),
    candidate: Int32Array.from(pairs, ([, candidate]) => candidate),
    different: Uint8Array.from(pairs, ([, , different]) => different),
  }
  return { positions: Int32Array.from(rows.keys()), pairs: () => all }
}

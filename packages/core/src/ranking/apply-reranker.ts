import type { Embeddings } from '../contracts/embeddings.js'
import type { ImageRequest } from '../contracts/image.js'
import type { Ranking } from '../contracts/ranking.js'
import type { GalleryView, Reranker } from '../contracts/reranker.js'
import type { OperationOptions } from '../contracts/spec.js'
import { selectRows } from '../embeddings/create-embeddings.js'
import { LookalikeError } from '../errors.js'

export interface RerankInput {
  /** One ranking a query. */
  readonly rankings: readonly Ranking[]
  /** One row a query. */
  readonly queries: Embeddings
  readonly gallery: GalleryView
  /** One a query; undefined where there is no image. */
  readonly queryImages?: readonly (ImageRequest | undefined)[]
  /** One a gallery row; undefined where there is no image. */
  readonly galleryImages?: readonly (ImageRequest | undefined)[]
}

/**
 * Reranks every query's list; the reranker has been prepared for the gallery. What a reranker returns is checked: a permutation of the first
 * `topN`, the tail as it was; from one that `drops`, the beginning of the list.
 *
 * @throws `reranker/no-image` when it needs images and a query has none, `reranker/invalid` when its answer breaks the contract.
 */
export async function applyReranker(
  reranker: Reranker,
  input: RerankInput,
  options: OperationOptions = {},
): Promise<Ranking[]> {
  const { rankings, queries, gallery } = input
  const reranked: Ranking[] = []
  for (const [row, ranking] of rankings.entries()) {
    options.signal?.throwIfAborted()
    const top = ranking.positions.subarray(0, reranker.topN)
    const images = reranker.needs === 'images' ? imagesFor(reranker, input, row, top) : {}
    const answer = await reranker.rerank(
      { ranking, query: selectRows(queries, [row]), candidates: selectRows(gallery.embeddings, top), ...images },
      options.signal && { signal: options.signal },
    )
    for (const warning of answer.warnings) options.onWarning?.(warning)
    assertPermutation(reranker, ranking, answer.ranking)
    reranked.push(answer.ranking)
    options.onProgress?.({ phase: `rerank ${reranker.name}`, done: row + 1, total: rankings.length, unit: 'query' })
  }
  return reranked
}

function imagesFor(reranker: Reranker, input: RerankInput, row: number, top: Int32Array) {
  const queryImage = input.queryImages?.[row]
  if (queryImage === undefined) {
    throw new LookalikeError(
      'reranker/no-image',
      {
        problem: `The reranker "${reranker.name}" looks at images, and query ${row} came without one`,
        expected: 'queries with an image',
        fix: 'Search by image, or take this reranker out of "rerankers".',
      },
      { fields: { reranker: reranker.name, query: row } },
    )
  }
  return { queryImage, candidateImages: Array.from(top, (position) => input.galleryImages?.[position]) }
}

function assertPermutation(reranker: Reranker, before: Ranking, after: Ranking): void {
  const fail = (problem: string): never => {
    throw new LookalikeError(
      'reranker/invalid',
      {
        problem: `The reranker "${reranker.name}" ${problem}`,
        expected: reranker.drops
          ? 'the beginning of the list as it was'
          : `a permutation of the first ${reranker.topN}, everything after it untouched`,
        fix: 'This is a mistake in the reranker: report it to its author.',
      },
      { fields: { reranker: reranker.name } },
    )
  }
  const { drops = false } = reranker
  const { length } = after.positions
  const lengthFits = drops ? length <= before.positions.length : length === before.positions.length
  if (!lengthFits || after.distances.length !== length)
    fail(`returned ${length} results for ${before.positions.length}`)
  const permuted = drops ? 0 : reranker.topN
  const top = new Set(before.positions.subarray(0, permuted))
  for (let i = 0; i < length; i++) {
    if (i < permuted ? !top.delete(after.positions[i]!) : after.positions[i] !== before.positions[i])
      fail(`moved a result at rank ${i + 1} where it must not`)
    if (i > 0 && !(after.distances[i]! >= after.distances[i - 1]!))
      fail(`returned distances that fall at rank ${i + 1}`)
  }
}

import {
  type Embeddings,
  type GallerySearchOptions,
  type ImageRequest,
  type OperationOptions,
  type Reranker,
} from '@lookalike/core'
import {
  type CandidateGallery,
  type CandidateHit,
  type Candidates,
  candidatesOf,
  type Identified,
  wholeGallery,
} from './candidates.js'
import { applyRerankers, prepareRerankers } from './rank-images.js'

/** What a search found, to be reranked. */
export interface ListToRerank<E extends Identified> extends Pick<GallerySearchOptions, 'filter' | 'includeRejected'> {
  /** One row. */
  readonly query: Embeddings
  readonly queryImage?: ImageRequest | undefined
  /** Nearest first, with their vectors. */
  readonly hits: readonly CandidateHit<E>[]
  /** The image of an entry; only of entries of the list. */
  imageOf(entry: E): ImageRequest | undefined
  /** Of the gallery: another one with every change. */
  readonly version: number
}

/** Reranks one list. */
export type ListReranker<E extends Identified> = (
  list: ListToRerank<E>,
  options?: Pick<OperationOptions, 'signal' | 'onWarning'>,
) => Promise<CandidateHit<E>[]>

/**
 * Rerankers of a gallery that is searched again and again: those that look at the whole of it see it once a version and filter, not once a
 * search. One list at a time: what rerankers have prepared is for one set of images.
 *
 * @throws (from the function that it returns) `reranker/no-image`, `reranker/invalid`, and what rerankers and the gallery throw
 */
export function createListReranker<E extends Identified>(
  gallery: CandidateGallery<E>,
  rerankers: readonly Reranker[],
): ListReranker<E> {
  const looksAtAll = rerankers.some((each) => each.wholeGallery)
  let turn: Promise<unknown> = Promise.resolve()
  let seen: { readonly key: string; readonly candidates: Candidates<E> } | undefined

  const candidatesFor = async ({ hits, version, filter, includeRejected }: ListToRerank<E>, onWarning: OnWarning) => {
    const search = { filter, includeRejected, onWarning }
    if (!looksAtAll) {
      const candidates = candidatesOf(gallery, [hits], search)
      await prepareRerankers(rerankers, candidates, search)
      return candidates
    }
    const key = JSON.stringify([version, filter, includeRejected ?? false])
    if (seen?.key === key) return seen.candidates
    // Its room is needed.
    seen = undefined
    // Who asked may leave: it is for the next one, too.
    const candidates = await wholeGallery(gallery, { filter, includeRejected })
    await prepareRerankers(rerankers, candidates, search)
    seen = { key, candidates }
    return candidates
  }

  const rerank: ListReranker<E> = async (list, { signal, onWarning } = {}) => {
    signal?.throwIfAborted()
    const candidates = await candidatesFor(list, onWarning)
    const galleryImages: (ImageRequest | undefined)[] = []
    for (const { entry } of list.hits) {
      const row = candidates.rowOf(entry.id)
      if (row !== undefined) galleryImages[row] = list.imageOf(entry)
    }
    const input = {
      queries: list.query,
      gallery: candidates.view,
      queryImages: [list.queryImage],
      galleryImages,
    }
    const [ranking] = await applyRerankers(rerankers, candidates, [list.hits], input, { signal, onWarning })
    return Array.from(ranking!.positions, (position, i) => ({
      entry: candidates.entries[position]!,
      distance: ranking!.distances[i]!,
    }))
  }

  return (list, options) => {
    const reranked = turn.then(() => rerank(list, options))
    turn = reranked.catch(() => undefined)
    return reranked
  }
}

type OnWarning = OperationOptions['onWarning']

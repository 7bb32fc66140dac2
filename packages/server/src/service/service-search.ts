import {
  type Embeddings,
  type Gallery,
  type GalleryEntry,
  type GalleryHit,
  isLookalikeError,
  LookalikeError,
  type Warning,
} from '@lookalike/core'
import type { EncoderPool } from '../pool/create-encoder-pool.js'
import type { Beside } from './beside.js'
import { createQueries } from './create-queries.js'
import { createSearchBatches } from './search-batches.js'
import type { ServiceSearch } from './search-request.js'
import type { ServiceImages } from './service-images.js'

export interface ServiceHit {
  readonly entry: GalleryEntry
  readonly rank: number
  readonly distance: number
  readonly rankBefore?: number | undefined
  readonly distanceBefore?: number | undefined
}

export interface ServiceFound {
  readonly hits: readonly ServiceHit[]
  readonly before?: readonly string[] | undefined
  readonly beside?: { readonly model: string; readonly hits: readonly ServiceHit[]; readonly more: boolean } | undefined
  readonly match: boolean
  readonly more: boolean
  readonly distances?: readonly number[] | undefined
  readonly warnings: readonly Warning[]
}

type Operation = { readonly signal?: AbortSignal | undefined }

interface SearchParts {
  readonly gallery: Gallery
  readonly pool: EncoderPool
  readonly images: ServiceImages
  /** Of the gallery: grows with every change. */
  version(): number
  readonly beside: Beside | undefined
}

export function createServiceSearch({ gallery, pool, images, version, beside }: SearchParts) {
  const { pictureOf, requestOf } = images
  const batches = createSearchBatches(gallery)
  const queryOf = createQueries({ gallery, pool, requestOf, idOf: async (id) => (await images.entryOf(id)).id })
  const besideList = beside && createBesideList(beside, requestOf)

  /** What was near enough, in the order of the rerankers. */
  const rerankedList = async (
    { positives, negatives, vector, filter, includeRejected }: ServiceSearch,
    query: Embeddings,
    hits: readonly GalleryHit[],
    operation: Operation,
    warnings: Warning[],
  ): Promise<readonly GalleryHit[]> => {
    if (hits.length === 0) return hits
    const single = !vector && positives.length === 1 && negatives.length === 0 ? positives[0]! : undefined
    const queryImage = single && (await requestOf(single).catch(ifNoPicture))
    const list = { gallery, version: version(), query, queryImage, hits, imageOf: pictureOf, filter, includeRejected }
    const reranked = await pool.rerank(list, operation)
    warnings.push(...reranked.warnings)
    return reranked.hits
  }

  return async (search: ServiceSearch, operation: Operation = {}): Promise<ServiceFound> => {
    if (search.rerank && pool.rerankers.length === 0) throw noRerankers()
    if (search.compare && !besideList) throw noBeside()
    const warnings: Warning[] = []
    const query = await queryOf(search, operation, warnings)
    const { filter, threshold = Infinity, includeRejected, k, offset } = search
    const examples = idsToLeaveOut(search)
    const reach = search.rerank ? Math.max(...pool.rerankers.map(({ topN }) => topN)) : 0
    // Ranks are told of images that came from farther down, too.
    const depth = Math.max(offset + (search.compare ? 4 : 1) * k + 1, search.distances, reach) + examples.size
    const found = await batches.search(query, depth, {
      filter,
      includeRejected,
      withVectors: search.rerank,
      signal: operation.signal,
    })
    operation.signal?.throwIfAborted()
    const others = found.filter(({ entry }) => !examples.has(entry.id))
    const before = others.filter(({ distance }) => distance <= threshold)
    const list = search.rerank ? await rerankedList(search, query, before, operation, warnings) : before
    return {
      hits: rankedPage(list, search, search.rerank ? before : []),
      beside: search.compare ? await besideList!(search, others, operation, warnings) : undefined,
      before: search.rerank ? before.slice(offset, offset + k).map(({ entry }) => entry.id) : undefined,
      match: list.length > 0,
      more: list.length > offset + k,
      distances: search.distances > 0 ? others.slice(0, search.distances).map(({ distance }) => distance) : undefined,
      warnings,
    }
  }
}

/** The answer of the model beside, with the ranks that its images have in the list of the first one. */
function createBesideList(beside: Beside, requestOf: ServiceImages['requestOf']) {
  const queryOf = createQueries({ gallery: beside.gallery, pool: beside.pool, requestOf, idOf: beside.idOf })
  return async (
    search: ServiceSearch,
    firsts: readonly GalleryHit[],
    operation: Operation,
    warnings: Warning[],
  ): Promise<ServiceFound['beside']> => {
    const { filter, includeRejected, k, offset } = search
    const query = await queryOf(search, operation, warnings)
    const options = { filter, includeRejected, except: idsToLeaveOut(search), signal: operation.signal }
    const found = await beside.search(query, offset + k + 1, options)
    return { model: beside.pool.name, hits: rankedPage(found, search, firsts), more: found.length > offset + k }
  }
}

/** The asked-for part of a list, with the ranks that its images had in another one. */
function rankedPage(
  list: readonly GalleryHit[],
  { k, offset }: ServiceSearch,
  before: readonly GalleryHit[],
): ServiceHit[] {
  const ranks = new Map(before.map(({ entry, distance }, i) => [entry.id, { i, distance }]))
  return list.slice(offset, offset + k).map(({ entry, distance }, i) => {
    const was = ranks.get(entry.id)
    return {
      entry,
      distance,
      rank: offset + i + 1,
      rankBefore: was && was.i + 1,
      distanceBefore: was?.distance,
    }
  })
}

const noRerankers = () =>
  new LookalikeError('serve/no-rerankers', {
    problem: 'The config names no rerankers',
    fix: 'Leave "rerank" out, or name some: rerankers: [k-reciprocal].',
  })

const noBeside = () =>
  new LookalikeError('serve/no-beside', {
    problem: 'No second model is served beside this one',
    fix: 'Leave "compare" out, or start the server with --beside and another config.',
  })

/** Rerankers that look at images say so themselves. */
function ifNoPicture(error: unknown): undefined {
  if (!isLookalikeError(error, 'serve/no-picture')) throw error
}

/** Images of the gallery that are searched by are no answer. */
function idsToLeaveOut({ includeExamples, positives, negatives }: ServiceSearch): ReadonlySet<string> {
  if (includeExamples) return new Set()
  return new Set([...positives, ...negatives].flatMap(({ id, box }) => (id !== undefined && !box ? [id] : [])))
}

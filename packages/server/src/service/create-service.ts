import path from 'node:path'
import {
  type Embeddings,
  type Gallery,
  type GalleryEntry,
  type GalleryHit,
  type GalleryItem,
  type ImageLimits,
  type ImageRequest,
  isLookalikeError,
  LookalikeError,
  type Metadata,
  type Warning,
} from '@lookalike/core'
import { entryImages, readSource, toGallerySource } from '@lookalike/image'
import type { EncoderPool, PooledEmbedding } from '../pool/create-encoder-pool.js'
import { type BesideOptions, createBeside } from './beside.js'
import { createCatalogue } from './catalogue.js'
import { createQueries } from './create-queries.js'
import { createDuplicates, type FindDuplicates } from './duplicates.js'
import { createOverview } from './overview.js'
import { createSearchBatches } from './search-batches.js'
import type { Example, ServiceSearch } from './search-request.js'
import { createThumbnails } from './thumbnails.js'
import { createTurnsById } from './turns-by-id.js'
import { createUploads } from './uploads.js'

export interface ServiceOptions {
  readonly gallery: Gallery
  readonly pool: EncoderPool
  /** Whether the gallery was opened for writing. */
  readonly writable: boolean
  /** For thumbnails; they can be made again. */
  readonly cacheFolder: string
  /** Where the files of sent images are kept; undefined keeps none. Default: `uploads` in the root of the gallery. */
  readonly uploads?: string | false | undefined
  /** Folders whose files the gallery's entries may name, absolute, besides the one that the gallery lies in. */
  readonly paths?: readonly string[] | undefined
  readonly limits?: ImageLimits | undefined
  /** Whether images may be given by address: what `images.urls` allows, or none. Default false. */
  readonly urls?: boolean | undefined
  /** A second model, to compare its answers. */
  readonly beside?: BesideOptions | undefined
  /** Groups of the same and of near images. */
  readonly findDuplicates?: FindDuplicates | undefined
  readonly onWarning?: ((warning: Warning) => void) | undefined
}

export interface ServiceHit {
  readonly entry: GalleryEntry
  readonly rank: number
  readonly distance: number
  readonly rankBefore?: number
  readonly distanceBefore?: number
}

export interface ServiceFound {
  readonly hits: readonly ServiceHit[]
  readonly before?: readonly string[]
  readonly beside?: { readonly model: string; readonly hits: readonly ServiceHit[]; readonly more: boolean } | undefined
  readonly match: boolean
  readonly more: boolean
  readonly distances?: readonly number[]
  readonly warnings: readonly Warning[]
}

export type { Example, ServiceSearch } from './search-request.js'

type Operation = { readonly signal?: AbortSignal | undefined }

/** What the HTTP service does, without HTTP. */
export type Service = ReturnType<typeof createService>

export function createService(options: ServiceOptions) {
  const { gallery, pool, writable } = options
  const thumbnails = createThumbnails(path.join(options.cacheFolder, 'thumbnails'), pool)
  const uploads =
    options.uploads === false ? undefined : createUploads(options.uploads ?? path.join(gallery.root, 'uploads'))
  let version = 0
  const catalogue = createCatalogue(gallery, () => version)
  const batches = createSearchBatches(gallery)
  const beside = options.beside && createBeside(options.beside, gallery, () => version)
  const inTurn = createTurnsById()
  const imageOf = entryImages(gallery, {
    paths: [gallery.root, ...(options.paths ?? [])],
    onWarning: options.onWarning,
  })
  const pictureOf = imageOf

  const entryOf = async (id: string): Promise<GalleryEntry> => {
    const [entry] = await gallery.get([id])
    if (entry) return entry
    throw unknownId(id)
  }
  const assertWritable = () => {
    if (writable) return
    throw new LookalikeError('serve/read-only', {
      problem: 'The gallery is served for reading',
      fix: 'Start the server with --write to change it.',
    })
  }
  const changed = <T>(result: T): T => {
    version++
    return result
  }

  /** A picture as the pool may read it. */
  const requestOf = async ({ id, bytes, url, box }: Example): Promise<ImageRequest> => {
    if (bytes) return { source: bytes, box }
    if (url !== undefined) {
      assertUrl(url, options.urls ?? false)
      return { source: url, box }
    }
    return { ...(await picture(await entryOf(id!))), ...(box && { box }) }
  }

  const picture = async (entry: GalleryEntry): Promise<ImageRequest> => {
    const image = pictureOf(entry)
    if (image) return image
    throw noPicture(entry.id)
  }

  const queryOf = createQueries({
    gallery,
    pool,
    requestOf,
    idOf: async (id) => (await entryOf(id)).id,
  })
  const queryBeside =
    beside && createQueries({ gallery: beside.gallery, pool: beside.pool, requestOf, idOf: beside.idOf })

  /** The answer of the model beside, with the ranks that its images have in the list of the first one. */
  const besideList = async (
    search: ServiceSearch,
    firsts: readonly GalleryHit[],
    operation: Operation,
    warnings: Warning[],
  ): Promise<ServiceFound['beside']> => {
    if (!beside || !queryBeside) {
      throw new LookalikeError('serve/no-beside', {
        problem: 'No second model is served beside this one',
        fix: 'Leave "compare" out, or start the server with --beside and another config.',
      })
    }
    const { filter, includeRejected, k, offset } = search
    const query = await queryBeside(search, operation, warnings)
    const except = idsToLeaveOut(search)
    const options = { filter, includeRejected, except, signal: operation.signal }
    const found = await beside.search(query, offset + k + 1, options)
    const ranks = new Map(firsts.map(({ entry, distance }, i) => [entry.id, { i, distance }]))
    return {
      model: beside.pool.name,
      hits: found.slice(offset, offset + k).map(({ entry, distance }, i) => {
        const was = ranks.get(entry.id)
        return {
          entry,
          distance,
          rank: offset + i + 1,
          ...(was && { rankBefore: was.i + 1, distanceBefore: was.distance }),
        }
      }),
      more: found.length > offset + k,
    }
  }

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
    const list = { gallery, version, query, queryImage, hits, imageOf: pictureOf, filter, includeRejected }
    const reranked = await pool.rerank(list, operation)
    warnings.push(...reranked.warnings)
    return reranked.hits
  }

  return {
    gallery,
    pool,
    writable,
    beside,
    pictureOf,
    /** Grows with every change. */
    version: () => version,
    /** Brings a reader up to date. */
    async refresh(): Promise<boolean> {
      const grown = await gallery.refresh()
      if (grown) version++
      const others = await beside?.refresh()
      return grown || (others ?? false)
    },

    async search(search: ServiceSearch, operation: Operation = {}): Promise<ServiceFound> {
      if (search.rerank && pool.rerankers.length === 0) throw noRerankers()
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
      const page = list.slice(offset, offset + k)
      const ranks = new Map(search.rerank ? before.map(({ entry, distance }, i) => [entry.id, { i, distance }]) : [])
      return {
        hits: page.map(({ entry, distance }, i): ServiceHit => {
          const was = ranks.get(entry.id)
          return {
            entry,
            distance,
            rank: offset + i + 1,
            ...(was && { rankBefore: was.i + 1, distanceBefore: was.distance }),
          }
        }),
        ...(search.compare && { beside: await besideList(search, others, operation, warnings) }),
        ...(search.rerank && { before: before.slice(offset, offset + k).map(({ entry }) => entry.id) }),
        match: list.length > 0,
        more: list.length > offset + k,
        ...(search.distances > 0 && {
          distances: others.slice(0, search.distances).map(({ distance }) => distance),
        }),
        warnings,
      }
    },

    get: entryOf,
    page: gallery.page.bind(gallery),
    facets: catalogue.facets,
    uncertain: catalogue.uncertain,

    overview: createOverview(gallery, () => version),
    duplicates: createDuplicates(options.findDuplicates, () => version),

    async thumbnail(id: string, edge: number, { signal }: Operation = {}) {
      const entry = await entryOf(id)
      const image = await picture(entry)
      try {
        return { entry, ...(await thumbnails.get(entry.hash, image, edge, signal)) }
      } catch (cause) {
        if (!isLookalikeError(cause) || !cause.code.startsWith('image/')) throw cause
        options.onWarning?.({ code: cause.code, message: cause.message, fields: { ...cause.fields, id } })
        throw noPicture(id, cause)
      }
    },

    /** The bytes of the file of an image. */
    async original(id: string, { signal }: Operation = {}): Promise<Uint8Array> {
      const { source } = await picture(await entryOf(id))
      try {
        const bytes = await readSource(source, { ...options.limits, signal })
        if (bytes instanceof Uint8Array) return bytes
      } catch (cause) {
        if (!isLookalikeError(cause) || !cause.code.startsWith('image/')) throw cause
        throw noPicture(id, cause)
      }
      throw noPicture(id)
    },

    async embed(examples: readonly Example[], role: 'query' | 'gallery', operation: Operation = {}) {
      return Promise.all(examples.map(async (example) => pool.embed(await requestOf(example), role, operation)))
    },

    /** Adds an image or replaces that of the same id; it is there when this resolves. */
    async put(
      id: string,
      image: Example,
      { metadata, rejected }: { readonly metadata: Metadata; readonly rejected: boolean },
      operation: Operation = {},
    ): Promise<GalleryEntry> {
      assertWritable()
      const request = await requestOf(image)
      const embedded = await pool.embed(request, 'gallery', operation)
      const hash = embedded.hash!
      // Another request for this id must not take this one's file for a left one.
      return inTurn(id, async () => {
        const kept = image.bytes && uploads ? await uploads.keep(id, hash, image.bytes) : image.url
        const item: GalleryItem = {
          id,
          hash,
          metadata,
          rejected,
          ...(embedded.uncertainty !== undefined && { uncertainty: embedded.uncertainty }),
          ...(kept !== undefined && { source: toGallerySource(kept, gallery.base)! }),
          ...(image.box && { box: image.box }),
        }
        const [before] = await gallery.get([id])
        try {
          await gallery.add([item], vectorsOf(embedded), {})
        } catch (error) {
          // Nothing names its file now, but for one that was there before.
          await uploads?.forget(id, before?.hash)
          throw error
        }
        changed(undefined)
        await uploads?.forget(id, image.bytes ? hash : undefined)
        return entryOf(id)
      })
    },

    async update(id: string, change: { metadata?: Metadata; uncertainty?: number; rejected?: boolean }) {
      assertWritable()
      await entryOf(id)
      await gallery.update([{ id, ...change }])
      changed(undefined)
      return entryOf(id)
    },

    async reject(ids: readonly string[], rejected: boolean): Promise<number> {
      assertWritable()
      const found = await gallery.get(ids)
      const unknown = ids.find((_, i) => !found[i])
      if (unknown !== undefined) throw unknownId(unknown)
      const changes = [...new Set(ids)].filter((_, i) => found[i]!.rejected !== rejected)
      if (changes.length > 0) await gallery.update(changes.map((id) => ({ id, rejected })))
      return changed(changes.length)
    },

    async remove(ids: readonly string[]): Promise<number> {
      assertWritable()
      const removed = changed(await gallery.remove(ids))
      for (const id of new Set(ids))
        await inTurn(id, async () => {
          // It may have come again meanwhile.
          const [entry] = await gallery.get([id])
          await uploads?.forget(id, entry?.hash)
        })
      return removed
    },
  }
}

const noRerankers = () =>
  new LookalikeError('serve/no-rerankers', {
    problem: 'The config names no rerankers',
    fix: 'Leave "rerank" out, or name some: rerankers: [k-reciprocal].',
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

const vectorsOf = ({ embeddings, members }: PooledEmbedding) => ({ embeddings, ...(members && { members }) })

/** A posted address is the client's choice of what this machine asks for: http alone, and only where that is allowed. */
function assertUrl(url: string, allowed: boolean): void {
  if (allowed && /^https?:\/\//i.test(url)) return
  throw new LookalikeError('serve/url-refused', {
    problem: allowed ? 'The address is no http address' : 'This server takes no images by address',
    expected: allowed ? 'an address that starts with http:// or https://' : 'the image itself',
    ...(!allowed && { fix: 'Start the server with --urls to allow addresses.' }),
  })
}

const unknownId = (id: string) =>
  new LookalikeError(
    'serve/unknown-id',
    { problem: `The gallery has no image ${JSON.stringify(id)}`, expected: 'the id of an image that is there' },
    { fields: { id } },
  )

const noPicture = (id: string, cause?: unknown) =>
  new LookalikeError(
    'serve/no-picture',
    {
      problem: `There is no picture of ${JSON.stringify(id)} that may be shown`,
      fix: 'The gallery has its vector alone, its file is gone, or it lies where the gallery may not point.',
    },
    { fields: { id }, ...(cause !== undefined && { cause }) },
  )

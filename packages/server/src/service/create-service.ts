import path from 'node:path'
import {
  type Box,
  createEmbeddings,
  type Embeddings,
  type Filter,
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
import { createCatalogue } from './catalogue.js'
import { createDuplicates, type FindDuplicates } from './duplicates.js'
import { createOverview } from './overview.js'
import { queryVector } from './query-vector.js'
import { createSearchBatches } from './search-batches.js'
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
  /** Searches and reranks; absent where the config has no rerankers. */
  readonly rerank?: Rerank | undefined
  /** Groups of the same and of near images. */
  readonly findDuplicates?: FindDuplicates | undefined
  readonly onWarning?: ((warning: Warning) => void) | undefined
}

/** @param image what was searched by, where it is one image */
export type Rerank = (
  query: Embeddings,
  image: ImageRequest | undefined,
  depth: number,
  options: { readonly filter?: Filter | undefined; readonly signal?: AbortSignal | undefined },
) => Promise<readonly GalleryHit[]>

/** An image to search by or to embed. Exactly one of the first three. */
export interface Example {
  readonly id?: string | undefined
  readonly bytes?: Uint8Array | undefined
  readonly url?: string | undefined
  readonly box?: Box | undefined
}

export interface ServiceSearch {
  readonly positives: readonly Example[]
  readonly negatives: readonly Example[]
  readonly vector?: { readonly space: string; readonly values: readonly number[] } | undefined
  readonly filter?: Filter | undefined
  readonly threshold?: number | undefined
  readonly includeRejected: boolean
  readonly includeExamples: boolean
  readonly k: number
  readonly offset: number
  readonly rerank: boolean
  readonly distances: number
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
  readonly match: boolean
  readonly more: boolean
  readonly distances?: readonly number[]
  readonly warnings: readonly Warning[]
}

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

  const exampleVector = async (example: Example, { signal }: Operation, warnings: Warning[]): Promise<Embeddings> => {
    if (example.id !== undefined && !example.box) {
      await entryOf(example.id)
      return gallery.vectors([example.id])
    }
    const embedded = await pool.embed(await requestOf(example), 'query', { signal })
    warnings.push(...embedded.warnings)
    return embedded.embeddings
  }

  const queryOf = async (search: ServiceSearch, operation: Operation, warnings: Warning[]) => {
    const { vector, positives, negatives } = search
    if (vector) {
      const { space, values } = vector
      if (space !== gallery.space || values.length !== gallery.dim) throw otherSpace(space, values.length, gallery)
      return createEmbeddings({ data: Float32Array.from(values), rows: 1, dim: gallery.dim, space, role: 'query' })
    }
    if (positives.length === 0 && negatives.length === 0) {
      throw new LookalikeError('serve/no-query', {
        problem: 'The search says nothing to search by',
        expected: 'positives, negatives or a vector; or a part "image" of a multipart request',
      })
    }
    const all = await Promise.all(
      [...positives, ...negatives].map((example) => exampleVector(example, operation, warnings)),
    )
    return queryVector(all.slice(0, positives.length), all.slice(positives.length))
  }

  /** What was near enough, in the order of the rerankers. */
  const rerankedList = async (
    search: ServiceSearch,
    query: Embeddings,
    near: readonly GalleryHit[],
    depth: number,
    { signal }: Operation,
  ): Promise<readonly GalleryHit[]> => {
    if (!options.rerank) {
      throw new LookalikeError('serve/no-rerankers', {
        problem: 'The config names no rerankers',
        fix: 'Leave "rerank" out, or name some: rerankers: [k-reciprocal].',
      })
    }
    const { positives, negatives, vector } = search
    const single = !vector && positives.length === 1 && negatives.length === 0 ? positives[0]! : undefined
    const found = await options.rerank(query, single && (await requestOf(single).catch(ifNoPicture)), depth, {
      filter: search.filter,
      signal,
    })
    const allowed = new Set(near.map(({ entry }) => entry.id))
    return found.filter(({ entry }) => allowed.has(entry.id))
  }

  return {
    gallery,
    pool,
    writable,
    pictureOf,
    /** Grows with every change. */
    version: () => version,
    /** Brings a reader up to date. */
    async refresh(): Promise<boolean> {
      const grown = await gallery.refresh()
      if (grown) version++
      return grown
    },

    async search(search: ServiceSearch, operation: Operation = {}): Promise<ServiceFound> {
      const warnings: Warning[] = []
      const query = await queryOf(search, operation, warnings)
      const { filter, threshold = Infinity, includeRejected, k, offset } = search
      const examples = idsToLeaveOut(search)
      const depth = Math.max(offset + k + 1, search.distances) + examples.size
      const found = await batches.search(query, depth, { filter, includeRejected, signal: operation.signal })
      operation.signal?.throwIfAborted()
      const others = found.filter(({ entry }) => !examples.has(entry.id))
      const before = others.filter(({ distance }) => distance <= threshold)
      const list = search.rerank
        ? (await rerankedList(search, query, before, depth, operation)).filter(({ entry }) => !examples.has(entry.id))
        : before
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

const otherSpace = (space: string, length: number, gallery: { readonly space: string; readonly dim: number }) =>
  new LookalikeError(
    'embeddings/space',
    {
      problem: `The vector has ${length} values of the space ${space}`,
      expected: `${gallery.dim} of ${gallery.space}`,
      fix: 'Embed with the model of the gallery: POST /api/v1/embeddings does.',
    },
    { fields: { given: space, wanted: gallery.space } },
  )

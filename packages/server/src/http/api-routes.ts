import { type Filter, type GalleryEntry, LookalikeError } from '@lookalike/core'
import type { Context } from 'hono'
import type { z } from 'zod'
import type { Example, Service, ServiceFound, ServiceHit } from '../service/create-service.js'
import type { Metrics } from './metrics.js'
import { invalid } from './problem.js'
import { type Role, type Route, route } from './routes.js'
import * as schemas from './schemas.js'

export const API = '/api/v1'

export interface ApiOptions {
  readonly service: Service
  readonly name: string
  readonly maxBody: number
  readonly originals: boolean
  readonly urls: boolean
  readonly rerankers: readonly string[]
  readonly metrics: Metrics
  roleOf(context: Context): Role
}

export function apiRoutes(options: ApiOptions): Route[] {
  return [...stateRoutes(options), ...searchRoutes(options), ...itemRoutes(options), ...changeRoutes(options)]
}

const json = (value: unknown, headers: Record<string, string> = {}) => Response.json(value, { headers })

/** An item as the API shows it. */
function itemOf({ service, originals }: ApiOptions, entry: GalleryEntry) {
  const { id, hash, metadata = {}, uncertainty, rejected, box } = entry
  const has = service.pictureOf(entry) !== undefined
  const at = `${API}/items/${encodeURIComponent(id)}`
  return {
    id,
    hash,
    metadata,
    uncertainty,
    rejected,
    box,
    thumbnail: has ? `${at}/thumbnail?hash=${encodeURIComponent(hash)}` : null,
    image: has && originals ? `${at}/image` : null,
  }
}

function foundOf(options: ApiOptions, found: ServiceFound) {
  const hitOf = ({ entry, ...hit }: ServiceHit) => ({ ...itemOf(options, entry), ...hit })
  const warnings = found.warnings.map(({ code, message }) => ({ code, message }))
  return json({
    ...found,
    hits: found.hits.map(hitOf),
    ...(found.beside && { beside: { ...found.beside, hits: found.beside.hits.map(hitOf) } }),
    space: options.service.gallery.space,
    warnings,
  })
}

function stateRoutes(options: ApiOptions): Route[] {
  const { service, metrics } = options
  return [
    route({
      method: 'get',
      path: `${API}/health`,
      operationId: 'health',
      summary: 'Whether the process runs.',
      role: 'none',
      answer: { schema: schemas.healthSchema },
      handle: async () => json({ status: 'ok' }),
    }),
    route({
      method: 'get',
      path: `${API}/ready`,
      operationId: 'ready',
      summary: 'Whether it can answer: a process can embed, and the gallery can be read.',
      role: 'none',
      answer: { schema: schemas.healthSchema },
      handle: async () => {
        await service.gallery.count()
        await service.beside?.gallery.count()
        const pools = [service.pool, ...(service.beside ? [service.beside.pool] : [])]
        if (pools.every((pool) => pool.state().ready > 0)) return json({ status: 'ready' })
        throw new LookalikeError('serve/not-ready', { problem: 'No process can embed yet' })
      },
    }),
    route({
      method: 'get',
      path: '/metrics',
      operationId: 'metrics',
      summary: 'Figures for Prometheus.',
      role: 'read',
      answer: { type: 'text/plain' },
      handle: async () => new Response(await metrics.text(), { headers: { 'content-type': metrics.type } }),
    }),
    route({
      method: 'get',
      path: `${API}/gallery`,
      operationId: 'describeGallery',
      summary: 'What is served, and what this request may do.',
      role: 'read',
      answer: { schema: schemas.galleryInfoSchema },
      handle: async ({ context }) => {
        const { space, dim } = service.gallery
        const [size, rejected] = await Promise.all([service.gallery.count(), service.gallery.count({ rejected: true })])
        return json({
          name: options.name,
          model: service.pool.name,
          space,
          dim,
          size,
          rejected,
          version: service.version(),
          writable: service.writable && options.roleOf(context) === 'write',
          rerankers: options.rerankers,
          beside: await service.beside?.info(),
          urls: options.urls,
          originals: options.originals,
          limits: { body: options.maxBody, k: 1000, offset: 10_000 },
          thumbnailEdges: schemas.EDGES,
        })
      },
    }),
  ]
}

function searchRoutes(options: ApiOptions): Route[] {
  const { service } = options
  return [
    route({
      method: 'post',
      path: `${API}/search`,
      operationId: 'search',
      summary: 'Search by images, crops, ids, several examples, or a vector.',
      role: 'read',
      body: schemas.searchSchema,
      multipart: true,
      answer: { schema: schemas.foundSchema },
      handle: async ({ body, uploads, signal }) => {
        const positives = withUploads(body.positives, uploads, body.negatives.length > 0)
        const negatives = body.negatives.map((example, i) => exampleOf(example, uploads, `negatives[${i}]`))
        const filter = body.filter as Filter | undefined
        return foundOf(options, await service.search({ ...body, positives, negatives, filter }, { signal }))
      },
    }),
    route({
      method: 'get',
      path: `${API}/items/{id}/similar`,
      operationId: 'findSimilar',
      summary: 'Search by an image of the gallery.',
      role: 'read',
      params: schemas.idSchema,
      query: schemas.similarQuerySchema,
      answer: { schema: schemas.foundSchema },
      handle: async ({ params: { id }, query: { filter, ...query }, signal }) => {
        const search = {
          positives: [{ id }],
          negatives: [],
          includeRejected: false,
          includeExamples: false,
          distances: 0,
        }
        return foundOf(options, await service.search({ ...search, ...query, filter: parsed(filter) }, { signal }))
      },
    }),
    route({
      method: 'post',
      path: `${API}/facets`,
      operationId: 'countFacets',
      summary: 'Values of metadata, with how many images have them.',
      role: 'read',
      body: schemas.facetsRequestSchema,
      answer: { schema: schemas.facetsSchema },
      handle: async ({ body: { filter, ...rest } }) =>
        json(await service.facets({ ...rest, filter: filter as Filter | undefined })),
    }),
    route({
      method: 'get',
      path: `${API}/duplicates`,
      operationId: 'findDuplicates',
      summary: 'Images that are the same or look the same.',
      role: 'read',
      query: schemas.duplicatesQuerySchema,
      answer: { schema: schemas.duplicatesSchema },
      handle: async ({ query: { threshold, limit, offset } }) => {
        const { groups, ...state } = service.duplicates(threshold)
        if (!groups) return json(state)
        const page = groups.slice(offset, offset + limit).map(({ images, ...group }) => ({
          ...group,
          images: images.map(({ entry, distance }) => ({ ...itemOf(options, entry), distance })),
        }))
        return json({ ...state, count: groups.length, groups: page })
      },
    }),
    route({
      method: 'post',
      path: `${API}/embeddings`,
      operationId: 'embed',
      summary: 'Vectors of images.',
      role: 'read',
      body: schemas.embedSchema,
      multipart: true,
      answer: { schema: schemas.embeddedSchema },
      handle: async ({ body: { images, role }, uploads, signal }) => {
        const embedded = await service.embed(withUploads(images, uploads, false), role, { signal })
        const [first] = embedded
        const { space, dim } = service.gallery
        const embeddings = embedded.map((each) => Array.from(each.embeddings.data))
        return json({ space, dim, role: first?.embeddings.role ?? role, embeddings })
      },
    }),
  ]
}

function itemRoutes(options: ApiOptions): Route[] {
  const { service } = options
  return [
    route({
      method: 'get',
      path: `${API}/items`,
      operationId: 'listItems',
      summary: 'The images of the gallery, page by page.',
      role: 'read',
      query: schemas.itemsQuerySchema,
      answer: { schema: schemas.itemsSchema },
      handle: async ({ query: { order, limit, after, rejected: which, filter: text }, signal }) => {
        const rejected = which === 'all' ? undefined : which === 'only'
        const filter = parsed(text)
        const { entries, next } =
          order === 'uncertainty'
            ? await uncertainPage(service, { rejected, filter, limit, after }, signal)
            : await service.page({ rejected, filter, limit, after, signal })
        return json({ items: entries.map((entry) => itemOf(options, entry)), next })
      },
    }),
    route({
      method: 'get',
      path: `${API}/items/{id}`,
      operationId: 'getItem',
      summary: 'One image of the gallery.',
      role: 'read',
      params: schemas.idSchema,
      answer: { schema: schemas.itemSchema },
      handle: async ({ params: { id } }) => json(itemOf(options, await service.get(id))),
    }),
    route({
      method: 'get',
      path: `${API}/items/{id}/thumbnail`,
      operationId: 'getThumbnail',
      summary: 'A small picture.',
      role: 'read',
      params: schemas.idSchema,
      query: schemas.thumbnailQuerySchema,
      answer: { type: 'image/jpeg' },
      handle: async ({ params: { id }, query: { edge, hash }, signal, context }) => {
        const { entry, picture, same } = await service.thumbnail(id, edge, { signal })
        const tag = `"${entry.hash}-${edge}"`
        const headers = {
          'content-type': 'image/jpeg',
          'cache-control': same && hash === entry.hash ? 'private, max-age=31536000, immutable' : 'private, no-cache',
          ...(same && { etag: tag }),
        }
        if (same && context.req.header('if-none-match') === tag) return new Response(null, { status: 304, headers })
        return new Response(picture as Uint8Array<ArrayBuffer>, { headers })
      },
    }),
    route({
      method: 'get',
      path: `${API}/items/{id}/image`,
      operationId: 'getImage',
      summary: 'The file itself, where the server gives files away.',
      role: 'read',
      params: schemas.idSchema,
      answer: { type: 'application/octet-stream' },
      handle: async ({ params: { id }, signal }) => {
        if (!options.originals) {
          throw new LookalikeError('serve/forbidden', {
            problem: 'This server gives no files away',
            expected: 'a thumbnail',
            fix: 'Start the server with --originals to allow it.',
          })
        }
        const bytes = await service.original(id, { signal })
        return new Response(bytes as Uint8Array<ArrayBuffer>, {
          headers: {
            'content-type': typeOf(bytes),
            'content-length': String(bytes.byteLength),
            // A drawing may hold programs.
            'content-disposition': typeOf(bytes) === 'application/octet-stream' ? 'attachment' : 'inline',
            'cache-control': 'private, no-cache',
          },
        })
      },
    }),
  ]
}

function changeRoutes(options: ApiOptions): Route[] {
  const { service } = options
  return [
    route({
      method: 'put',
      path: `${API}/items/{id}`,
      operationId: 'putItem',
      summary: 'Add an image, or replace that of the same id. It is kept when the answer comes.',
      role: 'write',
      params: schemas.idSchema,
      body: schemas.putItemSchema,
      multipart: true,
      answer: { schema: schemas.itemSchema },
      handle: async ({ params: { id }, body: { image, url, box, metadata, rejected }, uploads, signal }) => {
        const ways = [image, url, ...uploads].filter((way) => way !== undefined)
        if (ways.length !== 1)
          throw invalid([
            { path: 'image', problem: `${ways.length} images came`, expected: 'one: "image", "url" or a part "image"' },
          ])
        const example = { bytes: uploads[0] ?? (image === undefined ? undefined : base64(image, 'image')), url, box }
        return json(itemOf(options, await service.put(id, example, { metadata, rejected }, { signal })))
      },
    }),
    route({
      method: 'patch',
      path: `${API}/items/{id}`,
      operationId: 'changeItem',
      summary: 'Change what is said of an image.',
      role: 'write',
      params: schemas.idSchema,
      body: schemas.changeSchema,
      answer: { schema: schemas.itemSchema },
      handle: async ({ params: { id }, body: { metadata, uncertainty, rejected } }) =>
        json(
          itemOf(
            options,
            await service.update(id, {
              metadata,
              uncertainty,
              rejected,
            }),
          ),
        ),
    }),
    route({
      method: 'delete',
      path: `${API}/items/{id}`,
      operationId: 'removeItem',
      summary: 'Take an image out of the gallery. Its own file stays; one that was sent here goes.',
      role: 'write',
      params: schemas.idSchema,
      answer: { schema: schemas.changedSchema },
      handle: async ({ params: { id } }) => json({ changed: await service.remove([id]) }),
    }),
    route({
      method: 'post',
      path: `${API}/items/remove`,
      operationId: 'removeItems',
      summary: 'Take several images out of the gallery.',
      role: 'write',
      body: schemas.removeSchema,
      answer: { schema: schemas.changedSchema },
      handle: async ({ body: { ids } }) => json({ changed: await service.remove(ids) }),
    }),
    route({
      method: 'post',
      path: `${API}/items/reject`,
      operationId: 'rejectItems',
      summary: 'Keep images out of the results, or take them back.',
      role: 'write',
      body: schemas.rejectSchema,
      answer: { schema: schemas.changedSchema },
      handle: async ({ body: { ids, rejected } }) => json({ changed: await service.reject(ids, rejected) }),
    }),
  ]
}

type ExampleInput = z.output<typeof schemas.exampleSchema>

/** A form with pictures and nothing said about them searches by all of them. */
function withUploads(
  examples: readonly ExampleInput[],
  uploads: readonly Uint8Array[],
  others: boolean,
): readonly Example[] {
  if (examples.length === 0 && !others) return uploads.map((bytes) => ({ bytes }))
  return examples.map((example, i) => exampleOf(example, uploads, `[${i}]`))
}

function exampleOf({ id, image, url, upload, box }: ExampleInput, uploads: readonly Uint8Array[], at: string): Example {
  if (upload === undefined) return { id, url, box, bytes: image === undefined ? undefined : base64(image, at) }
  const bytes = uploads[upload]
  if (bytes) return { bytes, box }
  throw invalid([
    { path: at, problem: `there is no upload ${upload}`, expected: `one of ${uploads.length} parts "image"` },
  ])
}

function base64(text: string, at: string): Uint8Array {
  const data = text.replace(/^data:[\w/+.-]+;base64,/, '')
  const bytes = Buffer.from(data, 'base64')
  // Node leaves out what is none.
  if (bytes.length >= Math.floor((data.replace(/=+\s*$/, '').length * 3) / 4)) return bytes
  throw invalid([{ path: at, problem: 'the image is not base64', expected: 'the bytes of an image file in base64' }])
}

function parsed(text: string | undefined): Filter | undefined {
  if (text === undefined) return undefined
  try {
    const result = schemas.filterSchema.safeParse(JSON.parse(text))
    if (result.success) return result.data as Filter
  } catch {}
  throw invalid([
    { path: 'filter', problem: 'it is no filter in JSON', expected: 'for example {"colour": ["red", "blue"]}' },
  ])
}

/** Pages of a list that is sorted anew with every version: a page begins behind the id where the last one ended. */
async function uncertainPage(
  service: Service,
  {
    rejected,
    filter,
    limit,
    after,
  }: { rejected: boolean | undefined; filter: Filter | undefined; limit: number; after: string | undefined },
  signal: AbortSignal,
) {
  const ids = await service.uncertain(rejected, filter, signal)
  const start = after === undefined ? 0 : ids.indexOf(after) + 1
  const page = ids.slice(start, start + limit)
  const entries = (await service.gallery.get(page)).filter((entry) => entry !== undefined)
  return { entries, next: start + limit < ids.length ? page.at(-1) : undefined }
}

function typeOf(bytes: Uint8Array): string {
  const starts = (...values: number[]) => values.every((value, i) => bytes[i] === value)
  if (starts(0xff, 0xd8)) return 'image/jpeg'
  if (starts(0x89, 0x50, 0x4e, 0x47)) return 'image/png'
  if (starts(0x47, 0x49, 0x46)) return 'image/gif'
  if (starts(0x52, 0x49, 0x46, 0x46)) return 'image/webp'
  return 'application/octet-stream'
}

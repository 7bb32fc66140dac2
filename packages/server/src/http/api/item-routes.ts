import { type Filter, LookalikeError } from '@lookalike/core'
import type { Service } from '../../service/create-service.js'
import { type Route, route } from '../routes.js'
import * as schemas from '../schemas.js'
import { API, type ApiOptions } from './api-options.js'
import { itemOf } from './item-of.js'
import { parseFilter } from './parse-filter.js'

export function itemRoutes(options: ApiOptions): Route[] {
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
        const filter = parseFilter(text)
        const { entries, next } =
          order === 'uncertainty'
            ? await uncertainPage(service, { rejected, filter, limit, after }, signal)
            : await service.page({ rejected, filter, limit, after, signal })
        return Response.json({ items: entries.map((entry) => itemOf(options, entry)), next })
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
      handle: async ({ params: { id } }) => Response.json(itemOf(options, await service.get(id))),
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
      handle: async ({ params: { id }, signal }) => originalOf(options, id, signal),
    }),
  ]
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

async function originalOf({ service, originals }: ApiOptions, id: string, signal: AbortSignal): Promise<Response> {
  if (!originals) {
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
}

function typeOf(bytes: Uint8Array): string {
  const starts = (...values: number[]) => values.every((value, i) => bytes[i] === value)
  if (starts(0xff, 0xd8)) return 'image/jpeg'
  if (starts(0x89, 0x50, 0x4e, 0x47)) return 'image/png'
  if (starts(0x47, 0x49, 0x46)) return 'image/gif'
  if (starts(0x52, 0x49, 0x46, 0x46)) return 'image/webp'
  return 'application/octet-stream'
}

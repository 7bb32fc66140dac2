import type { z } from 'zod'
import type * as overview from '../../src/http/overview-schemas.js'
import type * as schemas from '../../src/http/schemas.js'

export type Box = z.output<typeof schemas.boxSchema>
export type Filter = z.input<typeof schemas.filterSchema>
export type GalleryInfo = z.output<typeof schemas.galleryInfoSchema>
export type Item = z.output<typeof schemas.itemSchema>
export type Hit = z.output<typeof schemas.hitSchema>
export type Found = z.output<typeof schemas.foundSchema>
export type Items = z.output<typeof schemas.itemsSchema>
export type Facets = z.output<typeof schemas.facetsSchema>
export type Duplicates = z.output<typeof schemas.duplicatesSchema>
export type GalleryMap = z.output<typeof overview.mapSchema>
export type SearchRequest = z.input<typeof schemas.searchSchema>
type Problem = z.output<typeof schemas.problemSchema>

/** An answer of the server that says what is wrong. */
export class ApiError extends Error {
  readonly code: string
  constructor({ detail, code }: Pick<Problem, 'detail' | 'code'>) {
    super(detail)
    this.name = 'ApiError'
    this.code = code
  }
}

interface Call {
  readonly query?: Readonly<Record<string, string | number | undefined>>
  readonly body?: unknown
  readonly pictures?: readonly File[]
  readonly signal?: AbortSignal | undefined
}

const TOKEN = 'lookalike.token'

export const token = {
  get: (): string | null => sessionStorage.getItem(TOKEN),
  set: (value: string) => sessionStorage.setItem(TOKEN, value),
}

/** With the token, if there is one. */
export async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers)
  const known = token.get()
  if (known) headers.set('authorization', `Bearer ${known}`)
  let answer: Response
  try {
    answer = await fetch(path, { ...init, headers })
  } catch (error) {
    if (init.signal?.aborted) throw error
    throw new ApiError({
      code: 'page/unreachable',
      detail: 'The server does not answer. Check that "lookalike serve" still runs, then try again.',
    })
  }
  if (answer.ok) return answer
  const problem = (await answer.json().catch(() => undefined)) as Problem | undefined
  throw new ApiError(problem ?? { code: 'page/answer', detail: `The server answered with ${answer.status}.` })
}

async function call<T>(
  method: string,
  path: string,
  { query = {}, body, pictures = [], signal }: Call = {},
): Promise<T> {
  const given = Object.entries(query).filter(([, value]) => value !== undefined)
  const search = given.length > 0 ? `?${new URLSearchParams(given.map(([key, value]) => [key, String(value)]))}` : ''
  const init: RequestInit = { method, signal: signal ?? null }
  if (pictures.length > 0) {
    const form = new FormData()
    for (const picture of pictures) form.append('image', picture)
    form.append('request', JSON.stringify(body))
    init.body = form
  } else if (body !== undefined) {
    init.headers = { 'content-type': 'application/json' }
    init.body = JSON.stringify(body)
  }
  return (await ask(`/api/v1${path}${search}`, init)).json() as Promise<T>
}

const itemPath = (id: string) => `/items/${encodeURIComponent(id)}`

/** The server's API, typed by the schemas that it checks requests with. */
export const api = {
  gallery: () => call<GalleryInfo>('GET', '/gallery'),
  search: (body: SearchRequest, pictures: readonly File[], signal?: AbortSignal) =>
    call<Found>('POST', '/search', { body, pictures, signal }),
  near: (ids: readonly string[], threshold: number, signal?: AbortSignal) =>
    call<z.output<typeof overview.nearSchema>>('POST', '/near', { body: { ids, threshold }, signal }),
  facets: (body: z.input<typeof schemas.facetsRequestSchema>, signal?: AbortSignal) =>
    call<Facets>('POST', '/facets', { body, signal }),
  item: (id: string, signal?: AbortSignal) => call<Item>('GET', itemPath(id), { signal }),
  items: (query: Partial<z.input<typeof schemas.itemsQuerySchema>>, signal?: AbortSignal) =>
    call<Items>('GET', '/items', { query: query as Call['query'] & object, signal }),
  add: (id: string, picture: File, metadata: Readonly<Record<string, string>>) =>
    call<Item>('PUT', itemPath(id), { body: { metadata }, pictures: [picture] }),
  reject: (ids: readonly string[], rejected: boolean) =>
    call<{ changed: number }>('POST', '/items/reject', { body: { ids, rejected } }),
  remove: (ids: readonly string[]) => call<{ changed: number }>('POST', '/items/remove', { body: { ids } }),
  duplicates: (query: { threshold?: number | undefined; limit?: number; offset?: number }, signal?: AbortSignal) =>
    call<Duplicates>('GET', '/duplicates', { query, signal }),
  map: (body: z.input<typeof overview.mapRequestSchema>, signal?: AbortSignal) =>
    call<GalleryMap>('POST', '/map', { body, signal }),
}

import { type Embeddings, LookalikeError } from '@lookalike/core'

export interface SearchClientOptions {
  /** The address of `lookalike serve`. */
  readonly url: string | URL
  /** Where the server asks for one. */
  readonly token?: string | undefined
}

/** Fields of `POST /api/v1/search`, the query aside. */
export interface RemoteSearch {
  readonly k?: number | undefined
  readonly offset?: number | undefined
  readonly threshold?: number | undefined
  readonly filter?: Readonly<Record<string, unknown>> | undefined
  readonly rerank?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

export interface RemoteHit {
  readonly id: string
  readonly rank: number
  readonly distance: number
  readonly metadata: Readonly<Record<string, string | number | boolean>>
  /** Absolute; null where there is none. */
  readonly thumbnail: string | null
  /** Absolute; null where it may not be had. */
  readonly image: string | null
}

export interface RemoteFound {
  readonly hits: readonly RemoteHit[]
  /** False where nothing is near enough. */
  readonly match: boolean
  readonly more: boolean
}

export interface SearchClient {
  /**
   * Sends the vector and its space: the picture stays here.
   *
   * @throws `embeddings/space` where the server's gallery is of another space, `browser/server`, and the server's own codes
   */
  search(query: Embeddings, options?: RemoteSearch): Promise<RemoteFound>
}

/**
 * Searches a gallery that `lookalike serve` serves. The server names the origins of pages that may ask in `serve.cors`.
 *
 * @example
 * const client = createSearchClient({ url: 'https://search.example.org' })
 * const { hits } = await client.search(await encoder.embed(photo), { k: 10 })
 */
export function createSearchClient({ url, token }: SearchClientOptions): SearchClient {
  const base = new URL(url, globalThis.location?.href).href.replace(/\/?$/, '/')
  return {
    async search({ space, data }, { signal, ...rest } = {}) {
      const response = await fetch(`${base}api/v1/search`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify({ ...rest, vector: { space, values: Array.from(data) } }),
        signal: signal ?? null,
      }).catch((cause: unknown) => {
        if (signal?.aborted) throw signal.reason
        throw failed(
          base,
          'could not be reached',
          'Check the address, and that serve.cors names the origin of this page.',
          cause,
        )
      })
      const body = (await response.json().catch(() => undefined)) as
        | (RemoteFound & { readonly code?: string; readonly detail?: string })
        | undefined
      if (response.ok && body?.hits) return { ...body, hits: body.hits.map((hit) => absoluteHit(hit, base)) }
      if (body?.code !== undefined) throw new LookalikeError(body.code, { problem: body.detail ?? body.code })
      throw failed(base, `answered with the status ${response.status}`, 'Check that it is a "lookalike serve".')
    },
  }
}

const absoluteHit = (hit: RemoteHit, base: string): RemoteHit => ({
  ...hit,
  thumbnail: hit.thumbnail && new URL(hit.thumbnail, base).href,
  image: hit.image && new URL(hit.image, base).href,
})

const failed = (url: string, what: string, fix: string, cause?: unknown) =>
  new LookalikeError('browser/server', { problem: `${url} ${what}`, fix }, { fields: { url }, cause })

import { LookalikeError } from '@lookalike/core'
import type { QdrantClient } from '@qdrant/js-client-rest'
import { galleryError } from './qdrant-errors.js'

type Api = ReturnType<QdrantClient['api']>
type Answer<Method extends keyof Api> = Awaited<ReturnType<Api[Method]>>['data']
type Result<Method extends keyof Api> = Answer<Method> extends { result?: infer R } ? NonNullable<R> : never

/** Calls a method of Qdrant's HTTP API, by the name that the client gives it. */
export type Call = <Method extends keyof Api>(
  method: Method,
  args: Parameters<Api[Method]>[0],
  signal?: AbortSignal | undefined,
) => Promise<Result<Method>>

export interface QdrantServer {
  /** Host and port. */
  readonly name: string
  readonly seconds: number
  connect(): Promise<Call>
}

const URL_VARIABLE = 'LOOKALIKE_QDRANT_URL'
const KEY_VARIABLE = 'LOOKALIKE_QDRANT_KEY'
const PORT = '6333'

/**
 * A server, by its address. Its key comes from the environment, where it gets into no file.
 *
 * @param seconds that an answer may take
 * @throws `gallery/options` for what is no such address
 */
export function qdrantServer(given: string | undefined, seconds: number): QdrantServer {
  const { protocol, hostname, port, pathname } = addressOf(given ?? process.env[URL_VARIABLE])
  const prefix = pathname.replace(/\/+$/, '')
  return {
    name: `${hostname}:${port || PORT}${prefix}`,
    seconds,
    async connect() {
      const { QdrantClient } = await import('@qdrant/js-client-rest')
      const key = process.env[KEY_VARIABLE]
      const api = new QdrantClient({
        host: hostname,
        port: Number(port || PORT),
        https: protocol === 'https:',
        prefix,
        // As `apiKey`, the client would write on stderr that HTTP does not hide it.
        ...(key && { headers: { 'api-key': key } }),
        // Would write on stderr, too.
        checkCompatibility: false,
        // Its own limit would replace the signal of a request.
        timeout: Number.POSITIVE_INFINITY,
      }).api()
      return async (method, args, signal) => {
        const limit = AbortSignal.timeout(seconds * 1000)
        const send = api[method] as (
          args: unknown,
          init: { readonly signal: AbortSignal },
        ) => Promise<{ readonly data: unknown }>
        const { data } = await send(args, { signal: signal ? AbortSignal.any([signal, limit]) : limit })
        return resultOf(data) as never
      }
    },
  }
}

/** Makes errors of calls those of a gallery. */
export const guarded = async <T>(name: string, seconds: number, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    throw galleryError(name, error, seconds)
  }
}

function resultOf(data: unknown): unknown {
  const result = typeof data === 'object' && data !== null && 'result' in data ? data.result : undefined
  if (result === undefined || result === null)
    throw new LookalikeError('gallery/unavailable', {
      problem: 'The server answers something else than Qdrant does',
      expected: 'a Qdrant server',
      fix: `Check ${URL_VARIABLE}.`,
    })
  // A change that only waits in a queue, or whose outcome is not known, is none yet.
  const status = typeof result === 'object' && 'status' in result ? result.status : undefined
  if (status === 'acknowledged' || status === 'wait_timeout')
    throw new LookalikeError('gallery/unavailable', {
      problem: `Qdrant did not finish a change in time (${status})`,
      fix: 'Try again later: it may be there or not.',
    })
  return result
}

function addressOf(url: string | undefined): URL {
  const address = url !== undefined && URL.canParse(url) ? new URL(url) : undefined
  if (address && /^https?:$/.test(address.protocol) && !address.username && !address.password) return address
  throw new LookalikeError('gallery/options', {
    problem: url
      ? 'The "url" of the Qdrant server is no address of one (it is not shown, since it may hold a key)'
      : 'The gallery "qdrant" has no server',
    expected: `http://host:6333 as "url" or in ${URL_VARIABLE}; a key in ${KEY_VARIABLE}`,
  })
}

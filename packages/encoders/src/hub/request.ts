import { setTimeout as sleep } from 'node:timers/promises'
import { LookalikeError } from '@lookalike/core'
import type { HubOptions } from './hub-options.js'
import { fetchByEnvironment, proxyFor } from './proxy.js'

/** A failure that may pass by itself. */
export class PassingFailure extends Error {
  constructor(
    message: string,
    /** Milliseconds that the server asked to wait. */
    readonly wait?: number,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/**
 * Runs `attempt` until it gives a result, retrying only what throws a {@link PassingFailure}.
 *
 * @throws `hub/unreachable` with the last failure as its cause when the retries are used up.
 */
export async function withRetries<T>(url: string, options: HubOptions, attempt: () => Promise<T>): Promise<T> {
  const { retries = 3, retryDelay = 500, signal } = options
  for (let failures = 0; ; failures++) {
    signal?.throwIfAborted()
    try {
      return await attempt()
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof PassingFailure)) throw error
      if (failures === retries) {
        throw new LookalikeError(
          'hub/unreachable',
          {
            problem: `${url} could not be loaded in ${retries + 1} attempts: ${error.message}`,
            fix: proxyFor(url)
              ? 'Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY, or put the files into a folder and name the folder instead.'
              : 'Check the network, HF_ENDPOINT and the proxy that your network may need (HTTPS_PROXY), or put the files into a folder and name the folder instead.',
          },
          { fields: { url, attempts: retries + 1 }, cause: error },
        )
      }
      await sleep(error.wait ?? retryDelay * 2 ** failures, undefined, { signal })
    }
  }
}

/** `fetch` whose network errors and passing statuses (408, 425, 429, 5xx) are {@link PassingFailure}s. */
export async function request(url: string, init: RequestInit): Promise<Response> {
  let response: Response
  try {
    response = await fetchByEnvironment(url, init)
  } catch (cause) {
    init.signal?.throwIfAborted()
    const proxy = proxyFor(url)
    throw new PassingFailure(`${reasonOf(cause)}${proxy ? ` (through the proxy ${proxy})` : ''}`, undefined, { cause })
  }
  const { status } = response
  if (status < 500 && status !== 408 && status !== 425 && status !== 429) return response
  await response.body?.cancel()
  const limited = status === 429 ? ', which means too many requests: a token (HF_TOKEN) allows more' : ''
  throw new PassingFailure(`the server answered ${status}${limited}`, waitOf(response.headers.get('retry-after')))
}

/** Longest wait that a server may ask for, in milliseconds. */
const LONGEST = 60_000

/** `Retry-After` in milliseconds: it is a number of seconds, or a date. */
function waitOf(header: string | null): number | undefined {
  if (header === null) return undefined
  const wait = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return Number.isFinite(wait) ? Math.min(Math.max(wait, 0), LONGEST) : undefined
}

/** The innermost reason: `fetch failed` says nothing, its cause does. */
export function reasonOf(error: unknown): string {
  let inner = error
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause
  return inner instanceof Error ? inner.message || ((inner as NodeJS.ErrnoException).code ?? inner.name) : String(inner)
}

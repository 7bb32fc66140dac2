import { LookalikeError, type Warning } from '@lookalike/core'
import { sha256 as createSha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'

export interface Wanted {
  /** Absolute. */
  readonly url: string
  /** In hex, of what must come; with it the copy of an earlier visit is used without asking. */
  readonly sha256?: string | undefined
  readonly bytes?: number | undefined
}

export interface DownloadOptions {
  readonly onProgress?:
    | ((progress: { readonly loaded: number; readonly total: number | undefined }) => void)
    | undefined
  readonly onWarning?: ((warning: Warning) => void) | undefined
}

export const CACHE = 'lookalike-v1'
const HASH = 'x-lookalike-sha256'

/**
 * The bytes of a file, from Cache Storage where an earlier visit left them whole. What comes from the network is checked and then kept; a
 * second page that wants the same waits for the first. Offline, the last copy is taken.
 *
 * @throws `browser/download`, `browser/checksum`
 */
export function download(wanted: Wanted, options: DownloadOptions = {}): Promise<Uint8Array> {
  const work = () => fetchOnce(wanted, options)
  const locks = globalThis.navigator?.locks
  return locks ? locks.request(`${CACHE} ${wanted.url}`, work) : work()
}

async function fetchOnce(wanted: Wanted, options: DownloadOptions): Promise<Uint8Array> {
  const store = await openStore(options.onWarning)
  if (wanted.sha256 !== undefined) {
    const kept = await store?.read(wanted.url, wanted.sha256)
    if (kept) return kept
  }
  const { bytes, hash } = await fetchWhole(wanted, options, store)
  await store?.write(wanted.url, bytes, hash)
  return bytes
}

/** Once more, past the caches on the way, where what came is not what was meant. */
async function fetchWhole(wanted: Wanted, options: DownloadOptions, store: Store | undefined) {
  try {
    return await fetchChecked(wanted, options, 'default')
  } catch (error) {
    if ((error as LookalikeError).code === 'browser/checksum') return fetchChecked(wanted, options, 'reload')
    // Offline, any whole copy is better than none; with a checksum it was looked for already.
    const kept = wanted.sha256 === undefined ? await store?.read(wanted.url) : undefined
    if (kept) return { bytes: kept, hash: await hashOf(kept) }
    throw error
  }
}

async function fetchChecked(
  { url, sha256, bytes: size }: Wanted,
  { onProgress }: DownloadOptions,
  cache: RequestCache,
) {
  const response = await fetch(url, { cache }).catch((cause: unknown) => {
    throw failed(url, 'could not be reached', cause)
  })
  if (!response.ok) throw failed(url, `was answered with the status ${response.status}`)
  const { parts, loaded } = await readParts(response, size, url, onProgress)
  const bytes = new Uint8Array(loaded)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  const hash = await hashOf(bytes)
  if ((size === undefined || size === loaded) && (sha256 === undefined || sha256 === hash)) return { bytes, hash }
  throw new LookalikeError(
    'browser/checksum',
    {
      problem: `${url} is not the file that was meant: ${loaded} bytes, SHA-256 ${hash}`,
      expected: `${size === undefined ? '' : `${size} bytes, `}SHA-256 ${sha256 ?? 'of any kind'}`,
      fix: 'Upload the whole folder again, and clear caches on the way.',
    },
    { fields: { url, bytes: loaded, sha256: hash } },
  )
}

async function readParts(
  response: Response,
  size: number | undefined,
  url: string,
  onProgress: DownloadOptions['onProgress'],
): Promise<{ parts: Uint8Array[]; loaded: number }> {
  // The length of a compressed answer is not that of the file.
  const stated = response.headers.get('content-encoding') ? null : response.headers.get('content-length')
  const total = size ?? (stated === null ? undefined : Number(stated))
  const reader = response.body!.getReader()
  const parts: Uint8Array[] = []
  let loaded = 0
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      parts.push(next.value)
      loaded += next.value.length
      onProgress?.({ loaded, total })
    }
  } catch (cause) {
    throw failed(url, `broke off after ${loaded} bytes`, cause)
  }
  if (size === undefined && total !== undefined && loaded !== total)
    throw failed(url, `broke off after ${loaded} of ${total} bytes`)
  return { parts, loaded }
}

/** The browser's own is ten times as fast, and not there in pages without https. */
async function hashOf(bytes: Uint8Array): Promise<string> {
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined
  return bytesToHex(
    subtle ? new Uint8Array(await subtle.digest('SHA-256', bytes as BufferSource)) : createSha256(bytes),
  )
}

const failed = (url: string, what: string, cause?: unknown) =>
  new LookalikeError(
    'browser/download',
    { problem: `${url} ${what}`, fix: 'Check the address and the connection, and try again.' },
    { fields: { url }, cause },
  )

interface Store {
  read(url: string, sha256?: string): Promise<Uint8Array | undefined>
  write(url: string, bytes: Uint8Array, sha256: string): Promise<void>
}

/** Cache Storage, where the browser has it for this page. Losing it costs downloads. */
async function openStore(onWarning: DownloadOptions['onWarning']): Promise<Store | undefined> {
  const told = (cause: unknown) => {
    const reason = cause instanceof Error ? `: ${cause.message}` : ''
    onWarning?.({
      code: 'browser/no-cache',
      message: `Files are not kept between visits${reason}.`,
      fields: {},
    })
    return undefined
  }
  const cache = await Promise.resolve()
    .then(() => globalThis.caches.open(CACHE))
    .catch(told)
  if (!cache) return undefined
  return {
    async read(url, sha256) {
      const response = await cache.match(url).catch(() => undefined)
      const known = response?.headers.get(HASH)
      if (!response || !known || (sha256 !== undefined && known !== sha256)) return undefined
      const bytes = new Uint8Array(await response.arrayBuffer())
      return (await hashOf(bytes)) === known ? bytes : undefined
    },
    async write(url, bytes, sha256) {
      // A full disk, or an address that is no http.
      await cache.put(url, new Response(bytes as BodyInit, { headers: { [HASH]: sha256 } })).catch(told)
    },
  }
}

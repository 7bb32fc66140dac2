import { createWriteStream } from 'node:fs'
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { LookalikeError } from '@lookalike/core'
import { checksumOf, hashFile, plainEtag } from './checksum.js'
import { hubToken } from './hub-environment.js'
import { type HubOptions, hubBase } from './hub-options.js'
import { PassingFailure, reasonOf, request, withRetries } from './request.js'

/** What is known of a cached file; written beside it as `<file>.json`. */
export interface CacheRecord {
  readonly url: string
  readonly etag?: string | undefined
  readonly size: number
  readonly sha256: string
}

interface RemoteFile {
  readonly etag: string | undefined
  readonly size: number | undefined
}

/**
 * Loads `url` to `file`, going on where an earlier attempt stopped, and checks size and checksum before the file appears under its name.
 * Undefined when the server has no such file.
 *
 * @throws `hub/unreachable`, `hub/access` (private or gated), `hub/checksum`.
 */
export async function download(url: string, file: string, options: HubOptions): Promise<CacheRecord | undefined> {
  const remote = await withRetries(url, options, () => describe(url, options))
  if (remote === undefined) return undefined
  await mkdir(dirname(file), { recursive: true })
  // The part carries the version's name, so that a part of an older version is never continued.
  const part = `${file}.${(remote.etag ?? 'unversioned').replace(/[^\w-]/g, '').slice(0, 64)}.part`
  if (remote.etag === undefined) await rm(part, { force: true })
  await withRetries(url, options, () => append(url, part, remote, options))
  await check(url, part, remote)
  const record: CacheRecord = {
    url,
    etag: remote.etag,
    size: (await stat(part)).size,
    sha256: await hashFile(part),
  }
  await writeFile(`${file}.json`, `${JSON.stringify(record, null, 2)}\n`)
  await rename(part, file)
  return record
}

/** The record of a cached file whose bytes are still what was downloaded; undefined when it is missing or damaged. */
export async function cached(file: string): Promise<CacheRecord | undefined> {
  try {
    const record = JSON.parse(await readFile(`${file}.json`, 'utf8')) as CacheRecord
    return (await stat(file)).size === record.size && (await hashFile(file)) === record.sha256 ? record : undefined
  } catch {
    return undefined
  }
}

/** Follows redirects by hand: the hub tells a large file's checksum only in the answer that redirects to its storage. */
async function describe(url: string, options: HubOptions): Promise<RemoteFile | undefined> {
  const { signal } = options
  let at = url
  for (let hop = 0; hop < 8; hop++) {
    const init = { method: 'HEAD', redirect: 'manual', headers: await authorisation(at, options) } as const
    const response = await request(at, { ...init, signal: signal ?? null })
    const { status, headers } = response
    const linked = plainEtag(headers.get('x-linked-etag'))
    if (linked !== undefined && status < 400) return { etag: linked, size: number(headers.get('x-linked-size')) }
    if (status >= 300 && status < 400) {
      at = new URL(headers.get('location') ?? '', at).href
      continue
    }
    if (status === 404) return absent(url, headers.get('x-error-code'))
    if (status === 401 || status === 403) throw await accessError(url, status, headers.get('x-error-code'))
    if (status !== 200) throw unexpected(url, status)
    refusePage(url, headers)
    const encoded = headers.get('content-encoding') !== null
    return { etag: plainEtag(headers.get('etag')), size: encoded ? undefined : number(headers.get('content-length')) }
  }
  throw unexpected(url, 'an endless chain of redirects')
}

async function append(url: string, part: string, remote: RemoteFile, options: HubOptions): Promise<void> {
  const { signal, onProgress } = options
  let have = await stat(part).then(
    (found) => found.size,
    () => 0,
  )
  if (remote.size !== undefined && have === remote.size && have > 0) return
  if (remote.size !== undefined && have > remote.size) {
    await rm(part)
    have = 0
  }
  const response = await request(url, {
    headers: {
      'accept-encoding': 'identity',
      ...(await authorisation(url, options)),
      ...(have > 0 && { range: `bytes=${have}-` }),
    },
    signal: signal ?? null,
  })
  if (response.status === 416) {
    await rm(part, { force: true })
    throw new PassingFailure('the server refused to go on with a partial download')
  }
  if (response.status === 401 || response.status === 403) {
    throw await accessError(url, response.status, response.headers.get('x-error-code'))
  }
  if (!response.ok || response.body === null) throw unexpected(url, response.status)
  refusePage(url, response.headers)
  const resumed =
    response.status === 206 && response.headers.get('content-range')?.startsWith(`bytes ${have}-`) === true
  let done = resumed ? have : 0
  const report = (chunk: Uint8Array) => {
    done += chunk.byteLength
    onProgress?.({
      phase: 'download',
      done,
      unit: 'byte',
      note: url.slice(url.lastIndexOf('/') + 1),
      total: remote.size,
    })
  }
  try {
    await pipeline(
      Readable.fromWeb(response.body as import('node:stream/web').ReadableStream),
      async function* (chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          report(chunk)
          yield chunk
        }
      },
      createWriteStream(part, { flags: resumed ? 'a' : 'w' }),
      { signal },
    )
  } catch (cause) {
    signal?.throwIfAborted()
    const code = (cause as NodeJS.ErrnoException).code
    if (code === 'ENOSPC' || code === 'EACCES' || code === 'EROFS') {
      throw new LookalikeError(
        'hub/cache',
        {
          problem: `${part} cannot be written: ${reasonOf(cause)}`,
          fix: 'Free some space, or choose another cache folder.',
        },
        { fields: { url, file: part }, cause },
      )
    }
    throw new PassingFailure(`the connection broke after ${done} bytes: ${reasonOf(cause)}`, undefined, { cause })
  }
  if (remote.size !== undefined && done < remote.size)
    throw new PassingFailure(`the connection ended after ${done} of ${remote.size} bytes`)
}

async function check(url: string, part: string, remote: RemoteFile): Promise<void> {
  const { size } = await stat(part)
  const checksum = checksumOf(remote.etag)
  const found = checksum && (await hashFile(part, checksum.kind))
  if ((remote.size === undefined || size === remote.size) && found === checksum?.hex) return
  await rm(part)
  throw new LookalikeError(
    'hub/checksum',
    {
      problem: `${url} arrived damaged: ${size} bytes${found === undefined ? '' : ` with ${checksum?.kind} ${found}`}`,
      expected: `${remote.size ?? 'some'} bytes${checksum ? ` with ${checksum.kind} ${checksum.hex}` : ''}`,
      fix: 'The damaged file was removed: try again. A proxy that rewrites downloads would do this every time.',
    },
    { fields: { url, size, expectedSize: remote.size, found, expected: checksum?.hex } },
  )
}

const number = (header: string | null) => (header === null || !/^\d+$/.test(header) ? undefined : Number(header))

/** The token goes to the hub alone, never to the storage that it redirects to. */
async function authorisation(url: string, options: HubOptions): Promise<Record<string, string>> {
  if (new URL(url).origin !== new URL(hubBase(options)).origin) return {}
  const token = await hubToken()
  return token === undefined ? {} : { authorization: `Bearer ${token}` }
}

/** A file that is not there is no fault, a repository or revision that is not there is one. */
function absent(url: string, code: string | null): undefined {
  if (code !== 'RepoNotFound' && code !== 'RevisionNotFound') return undefined
  throw new LookalikeError(
    'hub/not-found',
    {
      problem: `The hub has no such ${code === 'RepoNotFound' ? 'repository' : 'revision'}: ${url}`,
      fix: `Check the ${code === 'RepoNotFound' ? 'name (owner/name)' : 'option revision'}.`,
    },
    { fields: { url, code } },
  )
}

async function accessError(url: string, status: number, code: string | null): Promise<LookalikeError> {
  const token = (await hubToken()) !== undefined
  const fix = token
    ? 'The token that was sent (HF_TOKEN) may not read it: check the name, accept the terms of the model on its page, and give the token the right to read it.'
    : 'Check the name. For a private or gated model set HF_TOKEN to a token that may read it, or download the files yourself and name their folder.'
  return new LookalikeError(
    'hub/access',
    {
      problem: `The server refused ${url} (${status}${code ? `, ${code}` : ''})`,
      expected: 'a repository that may be read',
      fix,
    },
    { fields: { url, status, code: code ?? undefined, token } },
  )
}

/** Networks that want a sign-in answer everything with a page. */
function refusePage(url: string, headers: Headers): void {
  if (!headers.get('content-type')?.startsWith('text/html') || url.endsWith('.html')) return
  throw new LookalikeError(
    'hub/answer',
    {
      problem: `${url} gave a web page instead of the file`,
      expected: 'the file',
      fix: 'Check HF_ENDPOINT and whether the network wants you to sign in.',
    },
    { fields: { url, contentType: headers.get('content-type') } },
  )
}

const unexpected = (url: string, status: number | string) =>
  new LookalikeError(
    'hub/answer',
    { problem: `${url} gave ${status}`, expected: 'the file' },
    { fields: { url, status } },
  )

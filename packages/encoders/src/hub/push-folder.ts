import { createHash } from 'node:crypto'
import { createReadStream, openAsBlob } from 'node:fs'
import { open, readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { hideSent, LookalikeError, type OperationOptions } from '@lookalike/core'
import { hubToken } from './hub-environment.js'
import { hubBase } from './hub-options.js'
import { request, withRetries } from './request.js'

/** Bytes of each file that the hub is shown to decide how the file is kept. */
const SAMPLE = 512
/** Files of a question to the hub. */
const BATCH = 256
/** Of Git LFS's interface. */
const LFS = 'application/vnd.git-lfs+json'

export interface PushFolderOptions extends Pick<OperationOptions, 'signal' | 'onProgress'> {
  /** Default `main`. */
  readonly revision?: string | undefined
  /** Default "Upload by Lookalike". */
  readonly message?: string | undefined
  /** Of a repository that is made. Default false. */
  readonly private?: boolean | undefined
  /** Default: the environment's `HF_TOKEN`, else the file that logging in wrote. */
  readonly token?: string | undefined
  /** Where the hub is. Default: the environment's `HF_ENDPOINT`, else `https://huggingface.co`. */
  readonly baseUrl?: string | undefined
  /** How often a request that failed for a passing reason is tried again. Default 3. */
  readonly retries?: number | undefined
  /** Pause before the first retry in milliseconds, doubled for each further one. Default 500. */
  readonly retryDelay?: number | undefined
}

export interface PushedFolder {
  /** Address of the commit, or of the repository where the hub does not say. */
  readonly url: string
  readonly files: readonly string[]
  readonly created: boolean
}

interface LocalFile {
  /** Below the folder, with forward slashes. */
  readonly name: string
  readonly full: string
  readonly size: number
}

/**
 * Uploads a folder into a model repository as one commit, making the repository where there is none: over the hub's HTTP interface, large files by Git LFS.
 * Hidden files stay. Until the commit nothing changes; large files that were uploaded before an interruption are not uploaded again.
 *
 * @param repository `owner/name`
 * @throws `hub/no-token`, `hub/access`, `hub/not-found`, `hub/answer`, `hub/unreachable`, `hub/repository`, `hub/no-files`
 *
 * @example
 * await pushFolder('my-model', 'me/my-model')
 */
export async function pushFolder(
  folder: string,
  repository: string,
  options: PushFolderOptions = {},
): Promise<PushedFolder> {
  if (!/^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/.test(repository)) throw badName(repository)
  const files = await findFiles(path.resolve(folder))
  const hub = await createHub(repository, options)
  const created = await hub.create()
  const modes = await hub.modesOf(files)
  const large = files.filter(({ name }) => modes.get(name) === 'lfs')
  const objects = new Map<string, string>()
  const total = files.reduce((sum, { size }) => sum + size, 0)
  let done = 0
  for (const file of large) {
    options.signal?.throwIfAborted()
    objects.set(file.name, await hub.upload(file))
    done += file.size
    options.onProgress?.({ phase: 'upload', done, total, unit: 'byte', note: file.name })
  }
  const url = await hub.commit(
    files.filter(({ name }) => modes.get(name) !== 'ignored'),
    objects,
  )
  options.onProgress?.({ phase: 'upload', done: total, total, unit: 'byte' })
  return { url, files: files.filter(({ name }) => modes.get(name) !== 'ignored').map(({ name }) => name), created }
}

async function createHub(repository: string, options: PushFolderOptions) {
  const { signal, revision = 'main', message = 'Upload by Lookalike' } = options
  const base = hubBase(options)
  const token = options.token ?? (await hubToken())
  if (token === undefined) throw noToken(repository)
  const retrying = { ...options, cacheFolder: '' }
  const authorised = { authorization: `Bearer ${token}` }
  const at = `${base}/api/models/${repository}`
  const send = (url: string, init: RequestInit, allowed: readonly number[] = []): Promise<Response> =>
    withRetries(url, retrying, async () => {
      const response = await request(url, { ...init, signal: signal ?? null })
      if (response.ok || allowed.includes(response.status)) return response
      throw await refused(url, response, repository, authorised.authorization)
    })
  const post = async (url: string, body: unknown, type = 'application/json', allowed: readonly number[] = []) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    return send(
      url,
      { method: 'POST', headers: { ...authorised, 'content-type': type, accept: type }, body: text },
      allowed,
    )
  }

  return {
    /** False where it was there. */
    async create(): Promise<boolean> {
      const [organization, name] = repository.split('/') as [string, string]
      const wanted = { type: 'model', name, organization, private: options.private ?? false }
      const response = await post(`${base}/api/repos/create`, wanted, 'application/json', [409])
      await response.body?.cancel()
      return response.status !== 409
    },
    async modesOf(files: readonly LocalFile[]): Promise<ReadonlyMap<string, 'lfs' | 'regular' | 'ignored'>> {
      const modes = new Map<string, 'lfs' | 'regular' | 'ignored'>()
      for (let start = 0; start < files.length; start += BATCH) {
        const asked = []
        for (const file of files.slice(start, start + BATCH))
          asked.push({ path: file.name, size: file.size, sample: (await firstBytes(file)).toString('base64') })
        const url = `${at}/preupload/${encodeURIComponent(revision)}`
        const answer = await json(url, await post(url, { files: asked }))
        for (const { path: name, uploadMode, shouldIgnore } of listOf<Mode>(url, answer, 'files'))
          modes.set(name, shouldIgnore ? 'ignored' : uploadMode === 'lfs' ? 'lfs' : 'regular')
      }
      return modes
    },
    /** By Git LFS's batch interface; resolves to the SHA-256 that the commit names. */
    async upload(file: LocalFile): Promise<string> {
      const oid = await hashOf(file.full)
      const url = `${base}/${repository}.git/info/lfs/objects/batch`
      const wanted = {
        operation: 'upload',
        transfers: ['basic', 'multipart'],
        hash_algo: 'sha256',
        ref: { name: revision },
        objects: [{ oid, size: file.size }],
      }
      const answer = await json(url, await post(url, wanted, LFS))
      const [object] = listOf<LfsObject>(url, answer, 'objects')
      if (!object || object.error)
        throw badAnswer(url, `no place for ${file.name}: ${object?.error?.message ?? 'nothing'}`)
      const { upload, verify } = object.actions ?? {}
      // Without one, the hub has it already.
      const parts = upload && (await transfer(file, upload, send))
      if (upload && parts) await (await post(upload.href, { oid, parts }, LFS)).body?.cancel()
      if (verify) {
        const sent = {
          method: 'POST',
          headers: { ...authorised, ...verify.header, 'content-type': LFS },
        }
        await (await send(verify.href, { ...sent, body: JSON.stringify({ oid, size: file.size }) })).body?.cancel()
      }
      return oid
    },
    async commit(files: readonly LocalFile[], objects: ReadonlyMap<string, string>): Promise<string> {
      const lines = await commitLines(files, objects, message)
      const url = `${at}/commit/${encodeURIComponent(revision)}`
      const body = lines.map((line) => `${JSON.stringify(line)}\n`).join('')
      const answer = (await json(url, await post(url, body, 'application/x-ndjson'))) as { commitUrl?: unknown }
      return typeof answer.commitUrl === 'string' ? answer.commitUrl : `${base}/${repository}`
    },
  }
}

async function commitLines(
  files: readonly LocalFile[],
  objects: ReadonlyMap<string, string>,
  message: string,
): Promise<unknown[]> {
  const lines: unknown[] = [{ key: 'header', value: { summary: message, description: '' } }]
  for (const { name, full, size } of files) {
    const oid = objects.get(name)
    if (oid !== undefined) lines.push({ key: 'lfsFile', value: { path: name, algo: 'sha256', oid, size } })
    else {
      const content = (await readFile(full)).toString('base64')
      lines.push({ key: 'file', value: { path: name, encoding: 'base64', content } })
    }
  }
  return lines
}

type Send = (url: string, init: RequestInit) => Promise<Response>

/**
 * Sends a file to the storage that the hub named. The token stays with the hub: storage has addresses that are signed.
 *
 * @returns of a file in parts, what the hub has to be told at `href`
 */
async function transfer(
  file: LocalFile,
  { href, header = {} }: LfsAction,
  send: Send,
): Promise<readonly { partNumber: number; etag: string }[] | undefined> {
  const whole = await openAsBlob(file.full)
  if (header['chunk_size'] === undefined) {
    await (await send(href, { method: 'PUT', headers: header, body: whole })).body?.cancel()
    return undefined
  }
  const chunk = Number(header['chunk_size'])
  const places = Object.keys(header)
    .filter((key) => /^\d+$/.test(key))
    .sort((a, b) => Number(a) - Number(b))
  if (!(chunk > 0) || places.length !== Math.ceil(file.size / chunk))
    throw badAnswer(href, 'parts that do not fit the file')
  const parts: { partNumber: number; etag: string }[] = []
  for (const [i, key] of places.entries()) {
    const response = await send(header[key]!, { method: 'PUT', body: whole.slice(i * chunk, (i + 1) * chunk) })
    await response.body?.cancel()
    const etag = response.headers.get('etag')
    if (etag === null) throw badAnswer(header[key]!, 'no etag')
    parts.push({ partNumber: i + 1, etag })
  }
  return parts
}

interface Mode {
  readonly path: string
  readonly uploadMode: string
  readonly shouldIgnore?: boolean
}

interface LfsAction {
  readonly href: string
  readonly header?: Readonly<Record<string, string>>
}

interface LfsObject {
  readonly oid: string
  readonly error?: { readonly message: string }
  readonly actions?: { readonly upload?: LfsAction; readonly verify?: LfsAction }
}

async function findFiles(folder: string): Promise<LocalFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    throw noFiles(folder, cause)
  })
  const files: LocalFile[] = []
  for (const entry of entries) {
    const full = path.join(entry.parentPath, entry.name)
    const name = path.relative(folder, full).split(path.sep).join('/')
    if (!entry.isFile() || name.split('/').some((part) => part.startsWith('.'))) continue
    files.push({ name, full, size: (await stat(full)).size })
  }
  if (files.length === 0) throw noFiles(folder)
  return files.sort((a, b) => (a.name < b.name ? -1 : 1))
}

async function firstBytes({ full, size }: LocalFile): Promise<Buffer> {
  const handle = await open(full, 'r')
  try {
    const bytes = Buffer.alloc(Math.min(SAMPLE, size))
    await handle.read(bytes, 0, bytes.length, 0)
    return bytes
  } finally {
    await handle.close()
  }
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const part of createReadStream(file)) hash.update(part as Uint8Array)
  return hash.digest('hex')
}

async function json(url: string, response: Response): Promise<unknown> {
  const text = await response.text()
  try {
    return JSON.parse(text)
  } catch {
    throw badAnswer(url, `no JSON: ${text.slice(0, 100)}`)
  }
}

function listOf<T>(url: string, answer: unknown, key: string): readonly T[] {
  const list = (answer as Readonly<Record<string, unknown>> | null)?.[key]
  if (Array.isArray(list)) return list as T[]
  throw badAnswer(url, `an answer without "${key}"`)
}

async function refused(
  url: string,
  response: Response,
  repository: string,
  authorization: string,
): Promise<LookalikeError> {
  const { status } = response
  const said = hideSent(await response.text().catch(() => ''), authorization).slice(0, 300)
  const told = said === '' ? '' : `: ${said}`
  const fields = { url, status }
  if (status === 401)
    return new LookalikeError(
      'hub/access',
      {
        problem: `The hub does not know the token (401)${told}`,
        fix: 'Set HF_TOKEN to a token that is valid, with the right to write.',
      },
      { fields },
    )
  if (status === 403)
    return new LookalikeError(
      'hub/access',
      {
        problem: `The token may not write to ${repository} (403)${told}`,
        fix: `Check the owner's name, and give the token the right to write.`,
      },
      { fields },
    )
  if (status === 404)
    return new LookalikeError(
      'hub/not-found',
      { problem: `The hub has no ${url} (404)${told}`, fix: 'Check the name (owner/name) and the revision.' },
      { fields },
    )
  return badAnswer(url, `${status}${told}`)
}

const badAnswer = (url: string, what: string) =>
  new LookalikeError(
    'hub/answer',
    { problem: `${url} gave ${what}`, expected: "what the hub's interface answers" },
    { fields: { url } },
  )

const noToken = (repository: string) =>
  new LookalikeError('hub/no-token', {
    problem: `Uploading to ${repository} needs a token`,
    fix: 'Set HF_TOKEN to one with the right to write.',
  })

const badName = (repository: string) =>
  new LookalikeError(
    'hub/repository',
    { problem: `"${repository}" is no repository`, expected: 'owner/name' },
    { fields: { repository } },
  )

const noFiles = (folder: string, cause?: unknown) =>
  new LookalikeError(
    'hub/no-files',
    { problem: `There is nothing to upload in ${folder}`, expected: 'the folder of a model' },
    { fields: { folder }, cause },
  )

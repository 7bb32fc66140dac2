import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { pushFolder } from './push-folder.js'

interface Call {
  readonly method: string
  readonly path: string
  readonly body: Buffer
  readonly headers: IncomingHttpHeaders
}

let folder: string
let calls: Call[]
let fail: (call: Call) => number | undefined
let multipart: boolean
let url: string
let close: () => Promise<void>
const large = Buffer.alloc(5000, 7)
const oid = createHash('sha256').update(large).digest('hex')

/** The hub's interface for commits: everything over 1,000 bytes is kept by Git LFS. */
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-push-'))
  await mkdir(path.join(folder, 'onnx'))
  await writeFile(path.join(folder, 'config.json'), '{"a":1}\n')
  await writeFile(path.join(folder, 'onnx/model.onnx'), large)
  await writeFile(path.join(folder, '.hidden'), 'x')
  calls = []
  fail = () => undefined
  multipart = false
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const call = { method: request.method!, path: request.url!, body: Buffer.concat(parts), headers: request.headers }
      calls.push(call)
      const json = (value: unknown, status = 200) => response.writeHead(status).end(JSON.stringify(value))
      const status = fail(call)
      if (status !== undefined)
        return void response
          .writeHead(status, { 'retry-after': '0' })
          .end(`told so: ${request.headers.authorization?.slice(7)}`)
      if (call.path === '/api/repos/create') return json({ url: 'x' })
      if (call.path.includes('/preupload/')) {
        const { files } = JSON.parse(call.body.toString()) as { files: { path: string; size: number }[] }
        return json({
          files: files.map(({ path: name, size }) => ({ path: name, uploadMode: size > 1000 ? 'lfs' : 'regular' })),
        })
      }
      if (call.path.endsWith('/objects/batch')) {
        const header = multipart
          ? { chunk_size: '3000', '1': `${url}/storage/1`, '2': `${url}/storage/2` }
          : { 'x-signed': 'yes' }
        const upload = { href: `${url}/storage/${multipart ? 'complete' : 'whole'}`, header }
        return json({ objects: [{ oid, size: large.length, actions: { upload, verify: { href: `${url}/verify` } } }] })
      }
      if (call.path.includes('/commit/')) return json({ commitUrl: `${url}/me/model/commit/abc` })
      response.writeHead(200, { etag: '"part"' }).end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  close = () => new Promise((resolve) => server.close(() => resolve()))
})
afterEach(async () => {
  await close()
  await rm(folder, { recursive: true, force: true })
})

const push = (options: Parameters<typeof pushFolder>[2] = {}) =>
  pushFolder(folder, 'me/model', { baseUrl: url, token: 'secret', retryDelay: 1, ...options })

it('makes the repository, uploads large files, and commits all in one', async () => {
  const done = await push({ message: 'First', private: true })
  expect(done).toEqual({ url: `${url}/me/model/commit/abc`, files: ['config.json', 'onnx/model.onnx'], created: true })
  expect(calls.map(({ method, path: at }) => `${method} ${at}`)).toEqual([
    'POST /api/repos/create',
    'POST /api/models/me/model/preupload/main',
    'POST /me/model.git/info/lfs/objects/batch',
    'PUT /storage/whole',
    'POST /verify',
    'POST /api/models/me/model/commit/main',
  ])
  expect(JSON.parse(calls[0]!.body.toString())).toEqual({
    type: 'model',
    name: 'model',
    organization: 'me',
    private: true,
  })
  expect(calls[3]!.body).toEqual(large)
  expect(calls[3]!.headers).toMatchObject({ 'x-signed': 'yes' })
  expect(calls[3]!.headers.authorization).toBeUndefined()
  expect(calls[5]!.headers).toMatchObject({ 'content-type': 'application/x-ndjson', authorization: 'Bearer secret' })
  const lines = calls[5]!.body
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
  expect(lines).toEqual([
    { key: 'header', value: { summary: 'First', description: '' } },
    {
      key: 'file',
      value: { path: 'config.json', encoding: 'base64', content: Buffer.from('{"a":1}\n').toString('base64') },
    },
    { key: 'lfsFile', value: { path: 'onnx/model.onnx', algo: 'sha256', oid, size: large.length } },
  ])
})

it('uploads in parts where the storage asks for it', async () => {
  multipart = true
  await push()
  expect(calls.filter(({ method }) => method === 'PUT').map(({ body }) => body.length)).toEqual([3000, 2000])
  const complete = calls.find(({ path: at }) => at === '/storage/complete')!
  expect(JSON.parse(complete.body.toString())).toEqual({
    oid,
    parts: [
      { partNumber: 1, etag: '"part"' },
      { partNumber: 2, etag: '"part"' },
    ],
  })
})

it('goes on with a repository that is there, and tries again what may pass', async () => {
  let refused = 0
  fail = ({ path: at }) =>
    at === '/api/repos/create'
      ? 409
      : at.includes('/commit/') && refused++ < 2
        ? refused === 1
          ? 503
          : 429
        : undefined
  expect((await push()).created).toBe(false)
  expect(refused).toBe(3)
})

describe('refused', () => {
  it.each([
    [401, 'hub/access', 'HF_TOKEN'],
    [403, 'hub/access', 'me/model'],
    [404, 'hub/not-found', 'revision'],
    [400, 'hub/answer', 'told so'],
    [429, 'hub/unreachable', '429'],
    [500, 'hub/unreachable', '500'],
  ])('%s', async (status, code, told) => {
    fail = ({ path: at }) => (at.includes('/commit/') ? status : undefined)
    const error = (await push({ retries: 1 }).catch((cause: unknown) => cause)) as Error
    expect(error).toMatchObject({ code, message: expect.stringContaining(told) as unknown })
    // Should the hub repeat it.
    expect(error.message).not.toContain('secret')
  })

  it('without a token, a name or files', async () => {
    await expect(pushFolder(folder, 'model', { token: 't' })).rejects.toMatchObject({ code: 'hub/repository' })
    await expect(pushFolder(path.join(folder, 'none'), 'me/model', { token: 't' })).rejects.toMatchObject({
      code: 'hub/no-files',
    })
    const before = { ...process.env }
    process.env['HF_TOKEN'] = ''
    process.env['HUGGING_FACE_HUB_TOKEN'] = ''
    process.env['HF_TOKEN_PATH'] = path.join(folder, 'no-token')
    try {
      await expect(pushFolder(folder, 'me/model', { baseUrl: url })).rejects.toMatchObject({ code: 'hub/no-token' })
    } finally {
      process.env = before
    }
  })
})

import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createEmbeddings, LookalikeError } from '@lookalike/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createService, type ServiceOptions } from '../service/create-service.js'
import { fakePool } from '../testing/fake-pool.js'
import { memoryGallery } from '../testing/memory-gallery.js'
import { type App, type AppOptions, createApp, type RequestRecord } from './create-app.js'

const COLOURS: Record<string, readonly number[]> = {
  red: [1, 0, 0],
  orange: [0.9, 0.43, 0],
  green: [0, 1, 0],
  blue: [0, 0, 1],
  'a/b ü': [0.6, 0, 0.8],
}

let folder = ''
let log: RequestRecord[] = []
let gallery: ReturnType<typeof memoryGallery>
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-app-'))
  log = []
  gallery = memoryGallery(folder)
  const ids = Object.keys(COLOURS)
  const data = Float32Array.from(Object.values(COLOURS).flat())
  await gallery.add(
    ids.map((id, i) => ({
      id,
      hash: createHash('sha256').update(id).digest('hex'),
      metadata: { colour: id, price: i, warm: i < 2 },
      uncertainty: i / 10,
      source: `../photos/${id}.jpg`,
    })),
    { embeddings: createEmbeddings({ data, rows: ids.length, dim: 3, space: 'colours/1', role: 'any' }) },
  )
})
afterEach(() => rm(folder, { recursive: true, force: true }))

function makeApp({
  service,
  ...options
}: { service?: Partial<ServiceOptions> } & Partial<Omit<AppOptions, 'service'>> = {}): App {
  return createApp({
    service: createService({
      gallery,
      pool: fakePool(),
      writable: true,
      cacheFolder: path.join(folder, '.cache'),
      ...service,
    }),
    name: 'test',
    version: '1.0.0',
    bound: '127.0.0.1',
    tokens: [],
    origins: [],
    maxBody: 10_000,
    originals: false,
    urls: false,
    rerankers: [],
    onRequest: (record) => log.push(record),
    ...options,
  })
}

type Init = RequestInit & { readonly headers?: Record<string, string> }
const ask = (app: App, at: string, { headers, ...init }: Init = {}) =>
  app.fetch(new Request(`http://localhost${at}`, { ...init, headers: { host: 'localhost', ...headers } }))
const asJson = (method: string, body: unknown): Init => ({
  method,
  headers: { 'content-type': 'application/json' },
  body: typeof body === 'string' ? body : JSON.stringify(body),
})
const read = async (response: Response | Promise<Response>) => (await (await response).json()) as any
const search = (app: App, body: unknown) => read(ask(app, '/api/v1/search', asJson('POST', body)))
const idsOf = ({ hits }: { hits: { id: string }[] }) => hits.map(({ id }) => id)
const picture = (...bytes: number[]) => Buffer.from(bytes).toString('base64')

describe('search', () => {
  it('by id, by image, by vector, with filter, threshold, paging', async () => {
    const app = makeApp()
    expect(idsOf(await search(app, { positives: [{ id: 'red' }], k: 2 }))).toEqual(['orange', 'a/b ü'])
    expect(idsOf(await search(app, { positives: [{ image: picture(0, 9, 0) }], k: 1 }))).toEqual(['green'])
    const vector = { space: 'colours/1', values: [0, 0, 1] }
    expect(idsOf(await search(app, { vector, k: 1 }))).toEqual(['blue'])
    expect(idsOf(await search(app, { vector, k: 9, filter: { warm: true } }))).toEqual(['red', 'orange'])
    const second = await search(app, { vector, k: 2, offset: 1, distances: 3 })
    expect(second).toMatchObject({ more: true, match: true })
    expect(second.hits.map(({ rank }: { rank: number }) => rank)).toEqual([2, 3])
    expect(second.distances).toHaveLength(3)
    const none = await search(app, { positives: [{ id: 'green' }], threshold: 0.1 })
    expect(none).toMatchObject({ hits: [], match: false, more: false })
  })

  it('by several positives and negatives', async () => {
    const app = makeApp()
    const both = await search(app, { positives: [{ id: 'red' }, { id: 'blue' }], k: 1 })
    expect(idsOf(both)).toEqual(['a/b ü'])
    const without = await search(app, { positives: [{ id: 'a/b ü' }], negatives: [{ image: picture(0, 0, 1) }], k: 1 })
    expect(idsOf(without)).toEqual(['red'])
    const nothing = await search(app, { positives: [{ id: 'red' }], negatives: [{ id: 'red' }, { id: 'red' }] })
    // Half of it is left.
    expect(nothing.hits.length).toBeGreaterThan(0)
  })

  it('shows both orders of a reranked list', async () => {
    const app = makeApp({
      service: {
        pool: fakePool({
          rerank: async ({ hits }) => ({
            hits: hits.toReversed().map((hit, i) => ({ ...hit, distance: i })),
            warnings: [{ code: 'reranker/no-candidate-image', message: 'none', fields: {} }],
          }),
        }),
      },
    })
    const found = await search(app, {
      vector: { space: 'colours/1', values: [1, 0, 0] },
      k: 3,
      rerank: true,
      threshold: 0.9,
    })
    expect(found.before).toEqual(['red', 'orange', 'a/b ü'])
    expect(found.warnings).toMatchObject([{ code: 'reranker/no-candidate-image' }])
    expect(idsOf(found)).toEqual(['a/b ü', 'orange', 'red'])
    expect(found.hits[0]).toMatchObject({ rank: 1, rankBefore: 3 })
    // Rerankers look at as many as they like, whatever the page shows.
    expect(idsOf(await search(app, { positives: [{ id: 'red' }], k: 1, rerank: true }))).toEqual(['green'])
    expect(await search(makeApp(), { positives: [{ id: 'red' }], rerank: true })).toMatchObject({
      status: 400,
      code: 'serve/no-rerankers',
    })
  })

  it('answers searches that come together with one pass', async () => {
    const app = makeApp()
    const answers = await Promise.all(
      Object.keys(COLOURS).map((id) => search(app, { positives: [{ id }], k: 1, includeExamples: true })),
    )
    expect(answers.map((found) => idsOf(found)[0])).toEqual(Object.keys(COLOURS))
    expect(gallery.calls.rows).toBe(5)
    expect(gallery.calls.searches).toBeLessThan(5)
  })

  it('takes forms, and refuses what is none of this', async () => {
    const app = makeApp()
    const form = new FormData()
    form.append('image', new Blob([Uint8Array.of(0, 0, 7)]), '../../etc/passwd')
    form.append('request', '{"k": 1}')
    expect(idsOf(await read(ask(app, '/api/v1/search', { method: 'POST', body: form })))).toEqual(['blue'])
    // As other programs write them: any boundary of up to 70 characters (RFC 2046).
    for (const boundary of ['x', 'xYzZY', '"===============1 2=="', 'b'.repeat(70)]) {
      const line = `--${boundary.replaceAll('"', '')}`
      const image = `${line}\r\ncontent-disposition: form-data; name="image"; filename="a.png"\r\n\r\n\0\0\x07\r\n`
      const body = `${image}${line}\r\ncontent-disposition: form-data; name="request"\r\n\r\n{"k": 1}\r\n${line}--\r\n`
      const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` }
      const post = (text: string) => read(ask(app, '/api/v1/search', { method: 'POST', headers, body: text }))
      expect(idsOf(await post(body))).toEqual(['blue'])
      for (const end of [3, image.length / 2, image.length, body.length - 9])
        expect(await post(body.slice(0, end))).toMatchObject({ status: 400, code: 'serve/form' })
    }
    form.append('other', 'x')
    expect(await read(ask(app, '/api/v1/search', { method: 'POST', body: form }))).toMatchObject({ status: 400 })
    const broken = { method: 'POST', headers: { 'content-type': 'multipart/form-data; boundary=x' }, body: 'nothing' }
    expect(await read(ask(app, '/api/v1/search', broken))).toMatchObject({ status: 400, code: 'serve/form' })
  })

  it('shows an image whose id fits no address', async () => {
    const data = Float32Array.of(1, 1, 1)
    const embeddings = createEmbeddings({ data, rows: 1, dim: 3, space: 'colours/1', role: 'any' })
    await gallery.add([{ id: 'half \ud800', hash: 'aa', source: '../photos/red.jpg' }], { embeddings })
    const { items } = await read(ask(makeApp(), '/api/v1/items'))
    expect(items.at(-1)).toMatchObject({ id: 'half \ud800', thumbnail: null, image: null })
    expect(items).toHaveLength(6)
  })

  it.each([
    ['{"k": 0}', 400, 'serve/invalid'],
    ['{"kk": 1}', 400, 'serve/invalid'],
    ['{', 400, 'serve/json'],
    ['{}', 400, 'serve/no-query'],
    ['{"positives": [{}]}', 400, 'serve/invalid'],
    ['{"positives": [{"id": "a", "image": "b"}]}', 400, 'serve/invalid'],
    ['{"positives": [{"upload": 3}]}', 400, 'serve/invalid'],
    ['{"positives": [{"image": "%%%"}]}', 400, 'serve/invalid'],
    ['{"positives": [{"image": "AAAA"}], "offset": 1e9}', 400, 'serve/invalid'],
    ['{"positives": [{"image": "AAAAAAAA"}]}', 415, 'image/unsupported'],
    ['{"positives": [{"id": "none"}]}', 404, 'serve/unknown-id'],
    ['{"positives": [{"id": "__proto__"}]}', 404, 'serve/unknown-id'],
    ['{"positives": [{"url": "http://127.0.0.1/x.png"}]}', 403, 'serve/url-refused'],
    ['{"vector": {"space": "other", "values": [1, 0, 0]}}', 409, 'embeddings/space'],
    ['{"vector": {"space": "colours/1", "values": [1]}}', 409, 'embeddings/space'],
    ['{"vector": {"space": "colours/1", "values": [1, "0", 0]}}', 400, 'serve/invalid'],
  ])('answers %s with %i %s', async (body, status, code) => {
    const response = await ask(makeApp(), '/api/v1/search', asJson('POST', body))
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    const problem = await read(response)
    expect(problem).toMatchObject({ status, code, type: `urn:lookalike:${code}` })
    expect(problem.instance).toBe(log[0]!.id)
    expect(response.headers.get('x-request-id')).toBe(log[0]!.id)
  })
})

describe('the gallery', () => {
  it('is listed by pages and by uncertainty', async () => {
    const app = makeApp()
    const first = await read(ask(app, '/api/v1/items?limit=3'))
    const rest = await read(ask(app, `/api/v1/items?limit=3&after=${encodeURIComponent(first.next)}`))
    expect([...first.items, ...rest.items].map(({ id }) => id)).toEqual(Object.keys(COLOURS))
    expect(rest.next).toBeUndefined()
    const unsure = await read(ask(app, '/api/v1/items?limit=2&order=uncertainty'))
    expect(unsure.items.map(({ id }: { id: string }) => id)).toEqual(['a/b ü', 'blue'])
    const next = await read(ask(app, `/api/v1/items?limit=9&order=uncertainty&after=${unsure.next}`))
    expect(next.items).toHaveLength(3)
  })

  it('counts facets, anew when something changed', async () => {
    const app = makeApp()
    const count = async () =>
      (await read(ask(app, '/api/v1/facets', asJson('POST', { keys: ['warm', 'none', 'price'] })))) as any
    const before = await count()
    expect(before.total).toBe(5)
    expect(before.facets[0].values).toEqual([
      { value: false, count: 3 },
      { value: true, count: 2 },
    ])
    expect(before.facets[1]).toMatchObject({ values: [], missing: 5 })
    expect(before.facets[2].range).toEqual({ min: 0, max: 4 })
    await ask(app, '/api/v1/items/reject', asJson('POST', { ids: ['red'] }))
    expect((await count()).total).toBe(4)
  })

  it('is changed: added, replaced, changed, rejected, taken back, removed', async () => {
    const app = makeApp()
    const put = (id: string, body: unknown) =>
      read(ask(app, `/api/v1/items/${encodeURIComponent(id)}`, asJson('PUT', body)))
    const ids = ['plain', 'a/../../b', 'line\nbreak\u0000\u001b[31m', '<img src=x onerror=alert(1)>', '%2e%2e', '日本']
    for (const [i, id] of ids.entries()) {
      expect(await put(id, { image: picture(i + 1, 2, 3), metadata: { html: '<script>' } })).toMatchObject({ id })
      expect(await read(ask(app, `/api/v1/items/${encodeURIComponent(id)}`))).toMatchObject({
        id,
        metadata: { html: '<script>' },
      })
    }
    // What was sent is below the folder for it, whatever the id.
    const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
    expect(files).toHaveLength(ids.length)
    for (const { parentPath, name } of files) expect(path.join(parentPath, name)).toMatch(/\/uploads\/[0-9a-f/]+\.img$/)
    await put('plain', { image: picture(9, 9, 9) })
    expect(await gallery.count()).toBe(11)
    const replaced = (await gallery.get(['plain']))[0]!
    expect([...(await readFile(path.resolve(gallery.base, replaced.source!)))]).toEqual([9, 9, 9])
    expect(
      await read(ask(app, '/api/v1/items/plain', asJson('PATCH', { metadata: { a: 1 }, uncertainty: 2 }))),
    ).toMatchObject({
      metadata: { a: 1 },
      uncertainty: 2,
    })
    expect(await read(ask(app, '/api/v1/items/reject', asJson('POST', { ids: ['plain', 'red'] })))).toEqual({
      changed: 2,
    })
    expect(await read(ask(app, '/api/v1/items/reject', asJson('POST', { ids: ['plain'], rejected: false })))).toEqual({
      changed: 1,
    })
    expect(idsOf(await search(app, { vector: { space: 'colours/1', values: [1, 0, 0] }, k: 9 }))).not.toContain('red')
    expect(await read(ask(app, '/api/v1/items/plain', { method: 'DELETE' }))).toEqual({ changed: 1 })
    expect(await read(ask(app, '/api/v1/items/plain', { method: 'DELETE' }))).toEqual({ changed: 0 })
    expect(
      (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()),
    ).toHaveLength(ids.length - 1)
    expect(await read(ask(app, '/api/v1/items/reject', asJson('POST', { ids: ['red', 'gone'] })))).toMatchObject({
      code: 'serve/unknown-id',
    })
  })

  it('is not changed where it is served for reading', async () => {
    const app = makeApp({ service: { writable: false } })
    for (const [method, at, body] of [
      ['PUT', '/items/x', { image: picture(1, 2, 3) }],
      ['PATCH', '/items/red', { rejected: true }],
      ['DELETE', '/items/red', undefined],
      ['POST', '/items/reject', { ids: ['red'] }],
      ['POST', '/items/remove', { ids: ['red'] }],
    ] as const)
      expect(await read(ask(app, `/api/v1${at}`, body ? asJson(method, body) : { method }))).toMatchObject({
        status: 403,
        code: 'serve/read-only',
      })
    expect(await read(ask(app, '/api/v1/gallery'))).toMatchObject({ size: 5, writable: false })
  })

  it('a full disk is said, and nothing of it is left', async () => {
    const full = {
      ...gallery,
      add: async () => Promise.reject(new LookalikeError('gallery/write', { problem: `${folder} is full` })),
    }
    const app = makeApp({ service: { gallery: full } })
    const problem = await read(ask(app, '/api/v1/items/x', asJson('PUT', { image: picture(1, 2, 3) })))
    expect(problem).toMatchObject({ status: 507, code: 'gallery/write' })
    expect(problem.detail).not.toContain(folder)
    expect((await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())).toEqual(
      [],
    )
    expect(log[0]!.error).toContain(folder)
  })
})

it('names the gallery as it is served, not where it lies', async () => {
  const name = path.join(folder, 'gallery')
  const problem = `No image of the gallery ${name} has the key "a"`
  const page = async () => Promise.reject(new LookalikeError('gallery/unknown-key', { problem }))
  const app = makeApp({ service: { gallery: { ...gallery, name, page } } })
  const { status, detail } = await read(ask(app, '/api/v1/items?filter={"a":1}'))
  expect([status, detail]).toEqual([400, 'No image of the gallery test has the key "a".'])
})

describe('pictures', () => {
  it('are kept by what they show', async () => {
    const photo = path.join(folder, 'photos/real.jpg')
    const hash = createHash('sha256').update(photo).digest('hex')
    await gallery.add([{ id: 'real', hash, source: '../photos/real.jpg' }], {
      embeddings: createEmbeddings({
        data: Float32Array.of(1, 0, 0),
        rows: 1,
        dim: 3,
        space: 'colours/1',
        role: 'any',
      }),
    })
    const app = makeApp()
    const { thumbnail } = await read(ask(app, '/api/v1/items/real'))
    const first = await ask(app, thumbnail)
    expect(first.headers.get('cache-control')).toContain('immutable')
    expect(await first.text()).toBe('256')
    const kept = path.join(folder, '.cache/thumbnails', hash.slice(0, 2), `${hash}-256.jpg`)
    await writeFile(kept, 'kept')
    expect(await (await ask(app, `${thumbnail}&edge=256`)).text()).toBe('kept')
    const again = await ask(app, thumbnail, { headers: { 'if-none-match': first.headers.get('etag')! } })
    expect(again.status).toBe(304)
    expect((await ask(app, `${thumbnail}&edge=257`)).status).toBe(400)
    // The file of this one is another image by now.
    const changed = await ask(app, '/api/v1/items/red/thumbnail')
    expect(changed.headers.get('cache-control')).toBe('private, no-cache')
    expect(changed.headers.get('etag')).toBeNull()
  })

  it.each(['/etc/passwd', '../../../../etc/passwd', 'file:///etc/passwd', 'gone.jpg', 'ftp://host/x.png'])(
    'of an entry that points at %s are not there',
    async (source) => {
      await gallery.add([{ id: 'bad', hash: '../../x', source }], {
        embeddings: createEmbeddings({
          data: Float32Array.of(1, 0, 0),
          rows: 1,
          dim: 3,
          space: 'colours/1',
          role: 'any',
        }),
      })
      const app = makeApp({ originals: true })
      for (const what of ['thumbnail', 'image']) {
        const problem = await read(ask(app, `/api/v1/items/bad/${what}`))
        expect(problem).toMatchObject({ status: 404, code: 'serve/no-picture' })
        expect(problem.detail).not.toMatch(/etc|photos/)
      }
    },
  )

  it('the file itself only where that is allowed, and never as a page', async () => {
    await writeFile(path.join(folder, 'drawing.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>')
    await gallery.update([{ id: 'red', source: '../drawing.svg' }])
    expect(await read(ask(makeApp(), '/api/v1/items/red/image'))).toMatchObject({ status: 403 })
    expect(await read(ask(makeApp(), '/api/v1/items/red'))).toMatchObject({ image: null })
    const app = makeApp({ originals: true })
    const { image } = await read(ask(app, '/api/v1/items/red'))
    const response = await ask(app, image)
    expect(response.headers.get('content-disposition')).toBe('attachment')
    expect(response.headers.get('content-type')).toBe('application/octet-stream')
    expect(response.headers.get('content-security-policy')).toContain('sandbox')
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  })
})

describe('who may ask', () => {
  const tokens = [
    { token: 'reader-reader-reader', role: 'read' },
    { token: 'writer-writer-writer', role: 'write' },
  ] as const
  const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

  it('tokens read or write', async () => {
    const app = makeApp({ tokens })
    expect((await ask(app, '/api/v1/health')).status).toBe(200)
    const refused = await ask(app, '/api/v1/items')
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
    expect((await ask(app, '/api/v1/items', bearer('wrong'))).status).toBe(401)
    expect((await ask(app, '/metrics')).status).toBe(401)
    expect((await ask(app, '/api/v1/items', bearer(tokens[0].token))).status).toBe(200)
    expect((await ask(app, '/api/v1/items/red', { method: 'DELETE', ...bearer(tokens[0].token) })).status).toBe(403)
    expect(await read(ask(app, '/api/v1/gallery', bearer(tokens[0].token)))).toMatchObject({ writable: false })
    expect((await ask(app, '/api/v1/items/red', { method: 'DELETE', ...bearer(tokens[1].token) })).status).toBe(200)
    expect(JSON.stringify(log)).not.toContain('reader-')
  })

  it.each([
    ...[
      'token',
      'access_token',
      'authToken',
      'api_key',
      'x-api-key',
      'x-auth',
      'Authorization',
      'password',
      'jwt',
      'after',
    ].map((name) => `items?${name}=writer-writer-writer`),
    'items?limit=1&limit=writer-writer-writer',
    'items/writer-writer-writer',
    'writer-writer-writer/items',
  ])('no token in the address: %s', async (at) => {
    const app = makeApp({ tokens })
    const problem = await read(ask(app, `/api/v1/${at}`))
    expect(problem).toMatchObject({ status: 400, code: 'serve/token-in-url' })
    expect(JSON.stringify([problem, log])).not.toContain('writer-writer')
  })

  it.each([
    ['evil.example', undefined, 403, 'serve/foreign-host'],
    ['localhost.evil.example', undefined, 403, 'serve/foreign-host'],
    ['localhost:4322', 'http://evil.example', 403, 'serve/foreign-origin'],
    ['localhost:4322', 'null', 403, 'serve/foreign-origin'],
    ['localhost:4322', 'http://localhost:9999', 403, 'serve/foreign-origin'],
    ['localhost:4322', 'http://localhost:4322', 200, undefined],
    ['127.0.0.1:4322', undefined, 200, undefined],
    ['[::1]:4322', undefined, 200, undefined],
    ['shop.example', undefined, 200, undefined],
    ['localhost:4322', 'https://friend.example', 200, undefined],
  ])('host %s, origin %s: %i', async (host, origin, status, code) => {
    const app = makeApp({ hosts: ['shop.example'], origins: ['https://friend.example'] })
    const response = await ask(app, '/api/v1/health', { headers: { host, ...(origin && { origin }) } })
    expect(response.status).toBe(status)
    if (code) expect(await read(response)).toMatchObject({ code })
    expect(response.headers.get('access-control-allow-origin')).toBe(origin?.includes('friend') ? origin : null)
  })

  it('answers what browsers ask before they ask', async () => {
    const app = makeApp({ origins: ['https://friend.example'], tokens })
    const before = (origin: string) =>
      ask(app, '/api/v1/search', { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } })
    const allowed = await before('https://friend.example')
    expect([allowed.status, allowed.headers.get('access-control-allow-headers')]).toEqual([
      204,
      'authorization, content-type',
    ])
    expect((await before('https://evil.example')).status).toBe(403)
  })

  it.each([
    '/../../etc/passwd',
    '/api/v1/items/..%2f..%2f..%2fetc%2fpasswd',
    '/api/v1/items/..%2f..%2fetc%2fpasswd/image',
    '/api/v1/items/%2fetc%2fpasswd/thumbnail',
    '/api/v1/items/%00/thumbnail',
    '/api/v1/..%2fgallery',
    '//etc/passwd',
  ])('nothing is found at %s', async (at) => {
    const response = await ask(makeApp({ originals: true }), at)
    expect(response.status).toBe(404)
    expect(await response.text()).not.toContain('root:')
  })

  it.each([
    ['pages', '/api/v1/items', {}],
    ['searches', '/api/v1/search', asJson('POST', { examples: [{ image: picture(1, 0, 0) }] })],
  ] as const)('leaves the process time between %s that come together', async (_, at, init) => {
    const app = makeApp()
    let turns = 0
    let next = setImmediate(function count() {
      turns++
      next = setImmediate(count)
    })
    const seen = await Promise.all(
      Array.from({ length: 200 }, async () => {
        await ask(app, at, init)
        return turns
      }),
    )
    clearImmediate(next)
    expect(Math.max(...seen) - Math.min(...seen)).toBeGreaterThanOrEqual(5)
  })

  it.each(['%FF', 'a%', '%c0%ae%c0%ae', '%zz', '%ED%A0%80'])('refuses the id %s, which is no text', async (id) => {
    const app = makeApp({ originals: true })
    for (const [method, at] of [
      ['PUT', id],
      ['DELETE', id],
      ['GET', `${id}/image`],
    ] as const) {
      const init = method === 'PUT' ? asJson(method, { image: picture(1, 2, 3) }) : { method }
      const problem = await read(ask(app, `/api/v1/items/${at}`, init))
      expect(problem).toMatchObject({ status: 400, code: 'serve/invalid', issues: [{ path: 'path' }] })
    }
    expect(await gallery.count()).toBe(Object.keys(COLOURS).length)
  })

  describe('every route of the description', () => {
    const calls = () =>
      Object.entries(makeApp().description.paths as Record<string, object>).flatMap(([at, methods]) =>
        Object.keys(methods).map((method) => [method.toUpperCase(), at] as const),
      )
    const call = (
      app: App,
      [method, at]: readonly [string, string],
      headers: Record<string, string> = {},
      id = 'red',
    ) => {
      const body = method === 'GET' || method === 'DELETE' ? {} : asJson(method, '{}')
      return ask(app, at.replace('{id}', id), {
        ...body,
        method,
        headers: { 'content-type': 'application/json', ...headers },
      })
    }

    it('is closed to other hosts, other origins and tokens in addresses', async () => {
      expect(calls().length).toBeGreaterThan(15)
      const app = makeApp()
      for (const each of calls()) {
        const [method, at] = each
        expect(await read(call(app, each, { host: 'evil.example' })), at).toMatchObject({ code: 'serve/foreign-host' })
        expect(await read(call(app, each, { origin: 'http://evil.example' })), at).toMatchObject({
          code: 'serve/foreign-origin',
        })
        expect(await read(call(app, [method, `${at}?token=abc`])), at).toMatchObject({ code: 'serve/token-in-url' })
      }
      // Nothing of all that did anything.
      expect(await gallery.count({ rejected: false })).toBe(Object.keys(COLOURS).length)
    })

    it('is closed without a token, but for whether the server lives', async () => {
      const app = makeApp({ tokens })
      const open: string[] = []
      for (const each of calls()) if ((await call(app, each)).status !== 401) open.push(each.join(' '))
      expect(open).toEqual(['GET /api/v1/health', 'GET /api/v1/ready'])
    })

    it.each(['..%2f..%2f..%2fetc%2fpasswd', '%2fetc%2fpasswd', '%00', '%c0%ae%c0%ae', '%zz', 'a%0d%0aset-cookie: b'])(
      'knows no image %s, and no file of that name',
      async (id) => {
        const app = makeApp({ originals: true })
        for (const each of calls().filter(([method, at]) => at.includes('{id}') && method !== 'PUT')) {
          const response = await call(app, each, {}, id)
          expect([200, 400, 404], each.join(' ')).toContain(response.status)
          expect(response.headers.get('set-cookie')).toBeNull()
          expect(await response.text()).not.toContain('root:')
        }
      },
    )
  })

  it('knows its methods', async () => {
    expect(await read(ask(makeApp(), '/api/v1/search'))).toMatchObject({ status: 405, code: 'serve/method' })
    expect(await read(ask(makeApp(), '/nowhere'))).toMatchObject({ status: 404, code: 'serve/unknown-route' })
  })
})

it('counts requests for Prometheus', async () => {
  const app = makeApp()
  await ask(app, '/api/v1/items/red')
  await ask(app, '/api/v1/items/none')
  const text = await (await ask(app, '/metrics')).text()
  expect(text).toContain('lookalike_gallery_images 5')
  expect(text).toContain('lookalike_request_seconds_count{route="/api/v1/items/:id",method="GET",status="200"} 1')
  expect(text).toContain('lookalike_request_seconds_count{route="/api/v1/items/:id",method="GET",status="404"} 1')
  app.dispose()
})

it('looks for duplicates in the background', async () => {
  let finish = () => {}
  const app = makeApp({
    service: {
      findDuplicates: async (threshold, { onProgress }) => {
        onProgress?.({ phase: 'look', done: 1, total: 2, unit: 'image' })
        await new Promise<void>((resolve) => {
          finish = resolve
        })
        const [red, orange] = await gallery.get(['red', 'orange'])
        const images = [
          { entry: red!, distance: 0 },
          { entry: orange!, distance: 0.1 },
        ]
        return { threshold: threshold ?? 0.2, groups: [{ kind: 'near', diameter: 0.1, images }] }
      },
    },
  })
  expect(await read(ask(app, '/api/v1/duplicates'))).toMatchObject({ state: 'running', done: 1, total: 2 })
  finish()
  await expect.poll(() => read(ask(app, '/api/v1/duplicates')).then(({ state }) => state)).toBe('done')
  const { count, threshold, groups } = await read(ask(app, '/api/v1/duplicates'))
  expect([count, threshold, groups[0].images[1].id]).toEqual([1, 0.2, 'orange'])
  expect(await read(ask(makeApp(), '/api/v1/duplicates'))).toMatchObject({ status: 501 })
})

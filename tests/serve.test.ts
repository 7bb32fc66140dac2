import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { buildVit } from '@lookalike/encoders'
import { saveModel } from '@lookalike/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeShop } from './helpers/make-shop.js'
import { runCli } from './helpers/run-cli.js'
import { type StartedServer, startServer } from './helpers/start-server.js'

let folder = ''
let server: StartedServer
const api = (at: string, init?: RequestInit) => fetch(`${server.url}/api/v1${at}`, init)
const get = async (at: string) => (await api(at)).json() as Promise<any>
const send = (method: string, at: string, body: unknown) =>
  api(at, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
const post = async (at: string, body: unknown) => (await send('POST', at, body)).json() as Promise<any>
const idsOf = ({ hits }: { hits: { id: string }[] }) => hits.map(({ id }) => id)

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-serve-'))
  await makeShop(path.join(folder, 'photos'), 2)
  const vit = buildVit({ imageSize: 16, patchSize: 4, dim: 24, depth: 2, heads: 2, seed: 3 })
  await saveModel(path.join(folder, 'model.onnx'), vit)
  await writeFile(
    path.join(folder, 'lookalike.config.yaml'),
    'name: shop\nthreads: 1\nencoder: { use: onnx, name: tiny, model: ./model.onnx }\n',
  )
  const indexed = await runCli(['index', 'photos'], { cwd: folder })
  expect(indexed.stderr).not.toContain('error')
  server = await startServer(['--write'], { cwd: folder })
}, 120_000)
afterAll(async () => {
  expect(await server.stop()).toBe(0)
  await rm(folder, { recursive: true, force: true })
})

describe('search', () => {
  const first = 'photos/blue-cross/0.png'

  it('finds the image itself by its bytes, as a form and as JSON', async () => {
    const bytes = await readFile(path.join(folder, first))
    const form = new FormData()
    form.append('image', new Blob([bytes]))
    form.append('request', JSON.stringify({ k: 3 }))
    const found = (await (await api('/search', { method: 'POST', body: form })).json()) as any
    expect(found.hits).toHaveLength(3)
    expect(found.hits[0]).toMatchObject({ id: first, rank: 1, rejected: false, metadata: { label: 'blue-cross' } })
    expect(found.hits[0].distance).toBeCloseTo(0, 4)
    const json = await post('/search', { positives: [{ image: bytes.toString('base64') }], k: 3 })
    expect(json.hits).toEqual(found.hits)
  })

  it('by id leaves the image out unless asked for it; pages join', async () => {
    const whole = await post('/search', { positives: [{ id: first }], k: 10 })
    expect(idsOf(whole)).not.toContain(first)
    expect(whole.more).toBe(true)
    const [a, b] = [await get(`/items/${encodeURIComponent(first)}/similar?k=4`), undefined]
    expect(b).toBeUndefined()
    const rest = await get(`/items/${encodeURIComponent(first)}/similar?k=6&offset=4`)
    expect([...idsOf(a), ...idsOf(rest)]).toEqual(idsOf(whole))
    const own = await post('/search', { positives: [{ id: first }], k: 1, includeExamples: true })
    expect(idsOf(own)).toEqual([first])
  })
})

it('answers what it is asked, by its own description', async () => {
  expect(await get('/health')).toEqual({ status: 'ok' })
  expect(await get('/ready')).toEqual({ status: 'ready' })
  const { size, writable, model } = await get('/gallery')
  expect([size, writable, model]).toEqual([40, true, 'tiny'])
  const description = await get('/openapi.json')
  expect(description.openapi).toBe('3.1.0')
  expect(Object.keys(description.paths)).toContain('/api/v1/search')
})

import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import { createRandom } from '@lookalike/core'
import { buildVit } from '@lookalike/encoders'
import { openGallery } from '@lookalike/gallery'
import { encodePng } from '@lookalike/image'
import { saveModel } from '@lookalike/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeShop } from './helpers/make-shop.js'
import { root, runCli } from './helpers/run-cli.js'
import { type StartedServer, startServer } from './helpers/start-server.js'
import { typeCheck } from './helpers/type-check.js'

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

it('a client that is generated from the description asks without a mistake', async () => {
  const { default: openapi, astToString } = await import('openapi-typescript')
  const { default: createClient } = await import('openapi-fetch')
  const types = astToString(await openapi((await get('/openapi.json')) as Parameters<typeof openapi>[0]))
  const program = `
import createClient from 'openapi-fetch'
${types}
const client = createClient<paths>({ baseUrl: 'http://localhost' })
export async function ids(): Promise<string[]> {
  const { data, error } = await client.POST('/api/v1/search', {
    body: { positives: [{ id: 'a' }], k: 3, filter: { label: ['b'], price: { gte: 1 }, $or: [{ sold: { exists: false } }] } },
  })
  if (error) throw new Error(error.detail)
  return data.hits.map((hit) => hit.id)
}
export const wrong = () =>
  // @ts-expect-error an id is a text
  client.GET('/api/v1/items/{id}/similar', { params: { path: { id: 1 } } })
`
  expect(
    typeCheck(new Map([['client.ts', program]]), path.join(root, 'tests'), path.join(root, 'tsconfig.base.json')),
  ).toEqual([])
  const client = createClient<any>({ baseUrl: server.url }) as any
  const { data } = await client.GET('/api/v1/items/{id}/similar', {
    params: { path: { id: 'photos/blue-cross/0.png' }, query: { k: 3 } },
  })
  expect(data.hits).toHaveLength(3)
  const { error } = await client.POST('/api/v1/search', { body: { k: 3 } })
  expect(error).toMatchObject({ code: 'serve/no-query' })
})

describe('pictures that ask for too much', () => {
  const ask = async (bytes: Uint8Array) => {
    const form = new FormData()
    form.append('image', new Blob([bytes as Uint8Array<ArrayBuffer>]))
    return (await api('/search', { method: 'POST', body: form })).json() as Promise<any>
  }

  it('40,000 pixels square', async () => {
    // The header of a PNG is enough to ask for 6 GB.
    const png = Buffer.from(await encodePng({ data: new Uint8Array(3), width: 1, height: 1 }))
    png.writeUInt32BE(40_000, 16)
    png.writeUInt32BE(40_000, 20)
    png.writeUInt32BE(crc32(png.subarray(12, 29)), 29)
    expect(await ask(png)).toMatchObject({ status: 413, code: 'image/too-many-pixels' })
  })

  it('a drawing that never ends', async () => {
    const uses = (n: number) => `<g id="g${n}">${`<use href="#g${n - 1}"/>`.repeat(10)}</g>`
    const nested = Array.from({ length: 12 }, (_, i) => uses(i + 1)).join('')
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect id="g0" width="9" height="9"/>${nested}</svg>`
    const answer = await ask(Buffer.from(svg))
    expect([413, 422]).toContain(answer.status)
    expect(answer.code).toMatch(/^image\//)
    expect(await get('/health')).toEqual({ status: 'ok' })
  })
})

describe('another process', () => {
  it('is followed when it adds images, and not when it damages them', async () => {
    const place = path.join(folder, 'followed')
    await makeShop(path.join(place, 'photos'), 1)
    await writeFile(
      path.join(place, 'lookalike.config.yaml'),
      'name: shop\nthreads: 1\nencoder: { use: onnx, name: tiny, model: ../model.onnx }\n',
    )
    const index = (what: string) => runCli(['index', what], { cwd: place })
    expect((await index('photos/blue-disc')).code).toBe(0)
    const reader = await startServer([], { cwd: place })
    const size = async () => ((await (await fetch(`${reader.url}/api/v1/gallery`)).json()) as { size: number }).size
    try {
      expect(await size()).toBe(1)
      expect((await index('photos')).code).toBe(0)
      await expect.poll(size, { timeout: 30_000 }).toBe(20)
      // The log loses its middle; what is known is served on.
      const log = (await readdir(path.join(place, 'gallery'))).find((name) => name.endsWith('.jsonl'))!
      const text = await readFile(path.join(place, 'gallery', log), 'utf8')
      await writeFile(path.join(place, 'gallery', log), `${text.slice(0, 300)}{{{${text.slice(400)}`)
      await expect.poll(reader.errors, { timeout: 30_000 }).toContain('gallery/')
      expect(await size()).toBe(20)
      const id = encodeURIComponent('photos/blue-disc/0.png')
      expect((await fetch(`${reader.url}/api/v1/items/${id}/similar`)).status).toBe(200)
    } finally {
      await reader.stop()
    }
  })
})

it('what was acknowledged is there after the process was killed while it wrote', async () => {
  const place = path.join(folder, 'killed')
  await mkdir(place)
  await writeFile(
    path.join(place, 'lookalike.config.yaml'),
    'name: shop\nthreads: 1\nencoder: { use: onnx, name: tiny, model: ../model.onnx }\n',
  )
  const picture = await readFile(path.join(folder, 'photos/blue-disc/0.png'), 'base64')
  const acknowledged = new Set<string>()
  for (let round = 0; round < 3; round++) {
    const writer = await startServer(['--write'], { cwd: place })
    for (const id of acknowledged)
      expect((await fetch(`${writer.url}/api/v1/items/${id}`)).status, `${id} in round ${round}`).toBe(200)
    let killed: Promise<unknown> | undefined
    await Promise.all(
      Array.from({ length: 4 }, async (_, lane) => {
        for (let i = 0; !killed; i++) {
          const id = `${round}-${lane}-${i}`
          const init = {
            method: 'PUT',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ image: picture }),
          }
          const answer = await fetch(`${writer.url}/api/v1/items/${id}`, init).catch(() => undefined)
          if (answer?.status === 200) acknowledged.add(id)
          if (acknowledged.size >= (round + 1) * 8) killed ??= writer.stop('SIGKILL')
        }
      }),
    )
    expect(await killed).toBe('SIGKILL')
  }
  expect(acknowledged.size).toBeGreaterThanOrEqual(24)
  const last = await startServer([], { cwd: place })
  for (const id of acknowledged) {
    const { thumbnail } = (await (await fetch(`${last.url}/api/v1/items/${id}`)).json()) as { thumbnail: string }
    expect((await fetch(`${last.url}${thumbnail}`)).status).toBe(200)
  }
  expect(await last.stop()).toBe(0)
})

/** A disk of its own, of so many bytes; undefined where this user cannot mount one. */
async function smallDisk(place: string, bytes: number) {
  await mkdir(place)
  if (process.platform !== 'linux') return undefined
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', place]).status !== 0) return undefined
  return { unmount: () => spawnSync('umount', ['--lazy', place]) }
}

it('a disk that is full: said, nothing acknowledged lost, reading goes on, and writing again when there is room', async (context) => {
  const place = path.join(folder, 'small')
  const disk = await smallDisk(place, 4 << 20)
  context.skip(disk === undefined, 'no disk can be mounted here')
  try {
    await writeFile(
      path.join(place, 'lookalike.config.yaml'),
      'name: shop\nthreads: 1\nencoder: { use: onnx, name: tiny, model: ../model.onnx }\n',
    )
    await writeFile(path.join(place, 'other'), Buffer.alloc(2 << 20))
    const random = createRandom('full')
    const noise = async () => {
      const data = Uint8Array.from({ length: 200 * 200 * 3 }, () => random.integer(256))
      return Buffer.from(await encodePng({ width: 200, height: 200, data })).toString('base64')
    }
    const small = await startServer(['--write'], { cwd: place })
    const put = async (id: string) => {
      const init = { method: 'PUT', headers: { 'content-type': 'application/json' } }
      return fetch(`${small.url}/api/v1/items/${id}`, { ...init, body: JSON.stringify({ image: await noise() }) })
    }
    const acknowledged: string[] = []
    let refused: Response | undefined
    for (let i = 0; !refused; i++) {
      const answer = await put(`${i}`)
      if (answer.status === 200) acknowledged.push(`${i}`)
      else refused = answer
    }
    expect(acknowledged.length).toBeGreaterThan(3)
    expect(refused.status).toBe(507)
    expect(await refused.json()).toMatchObject({ code: 'gallery/write' })
    const all = async (url: string) => {
      for (const id of acknowledged) expect((await fetch(`${url}/api/v1/items/${id}/similar`)).status, id).toBe(200)
      const { size } = (await (await fetch(`${url}/api/v1/gallery`)).json()) as { size: number }
      expect(size).toBe(acknowledged.length)
    }
    await all(small.url)
    expect((await put('again')).status).toBe(507)
    await rm(path.join(place, 'other'))
    expect((await put('after')).status).toBe(200)
    acknowledged.push('after')
    await all(small.url)
    expect(await small.stop()).toBe(0)
    const next = await startServer([], { cwd: place })
    await all(next.url)
    expect(await next.stop()).toBe(0)
  } finally {
    disk?.unmount()
  }
})

it('shows pictures that datasets drew into the cache, wherever that is, and asks no address', async () => {
  const project = path.join(folder, 'project')
  const id = 'photos/blue-cross/0.png'
  for (const name of ['model.onnx', 'photos'])
    await cp(path.join(folder, name), path.join(project, name), { recursive: true })
  await writeFile(
    path.join(project, 'lookalike.config.yaml'),
    'cache: ../drawn\nthreads: 1\nencoder: { use: onnx, name: tiny, model: ./model.onnx }\n',
  )
  expect((await runCli(['index', 'photos'], { cwd: project })).code).toBe(0)
  await rename(path.join(project, id), path.join(folder, 'drawn/0.png'))
  const { space, dim } = JSON.parse(await readFile(path.join(project, 'gallery/gallery.json'), 'utf8'))
  const gallery = await openGallery(path.join(project, 'gallery'), { space, dim })
  await gallery.update([{ id, source: '../../drawn/0.png' }])
  let asked = 0
  const secret = createServer((_, response) => response.end(String(asked++))).listen(0, '127.0.0.1')
  await once(secret, 'listening')
  const inside = 'photos/blue-cross/1.png'
  await gallery.update([{ id: inside, source: `http://127.0.0.1:${(secret.address() as AddressInfo).port}/x.png` }])
  await gallery.close()
  const other = await startServer([], { cwd: project })
  try {
    const picture = await fetch(`${other.url}/api/v1/items/${encodeURIComponent(id)}/thumbnail`)
    expect([picture.status, picture.headers.get('content-type')]).toEqual([200, expect.stringMatching(/^image\//)])
    const none = await fetch(`${other.url}/api/v1/items/${encodeURIComponent(inside)}/thumbnail`)
    expect([none.status, asked]).toEqual([404, 0])
  } finally {
    await other.stop()
    secret.close()
  }
})

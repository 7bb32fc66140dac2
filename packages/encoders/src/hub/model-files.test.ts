import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRandom, type Progress } from '@lookalike/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { HubOptions } from './hub-options.js'
import { type HubServer, type Mishap, startHubServer } from './hub-server.fixture.js'
import { openModelFiles } from './model-files.js'

const random = createRandom('hub')
const weights = Uint8Array.from({ length: 200_000 }, () => random.integer(256))
const config = new TextEncoder().encode('{"model_type": "vit"}')
const files = {
  '/team/net/resolve/main/config.json': config,
  '/team/net/resolve/main/onnx/model.onnx': weights,
  '/team/net/resolve/refs/pr/1/config.json': config,
}

let cacheFolder: string
let server: HubServer | undefined

beforeEach(async () => {
  cacheFolder = await mkdtemp(join(tmpdir(), 'lookalike-hub-'))
})
afterEach(async () => {
  await server?.close()
  server = undefined
  await rm(cacheFolder, { recursive: true })
})

async function open(mishap?: Parameters<typeof startHubServer>[1], options: Partial<HubOptions> = {}) {
  server = await startHubServer(files, mishap)
  return openModelFiles('team/net', '.', { cacheFolder, baseUrl: server.baseUrl, retryDelay: 1, ...options })
}
const offline = () => openModelFiles('team/net', '.', { cacheFolder, baseUrl: 'http://127.0.0.1:1', offline: true })
const listed = async () =>
  (await readdir(cacheFolder, { recursive: true })).filter((name) => name.includes('model.onnx')).sort()

/** Resolves when some of a download is on the disk. */
async function partOnDisk(): Promise<void> {
  const parts = (await listed().catch(() => [])).filter((name) => name.endsWith('.part'))
  const sizes = await Promise.all(parts.map(async (name) => (await stat(join(cacheFolder, name))).size))
  if (sizes.some((size) => size > 0)) return
  await new Promise((resolve) => setTimeout(resolve, 5))
  return partOnDisk()
}

describe('a repository on the hub', () => {
  it('is downloaded once, through the redirect, and then read from the cache without the network', async () => {
    const progress: Progress[] = []
    const model = await open(undefined, { onProgress: (event) => progress.push(event) })
    const first = await model.require(['onnx/model.onnx'], 'weights')
    expect(Buffer.compare(first.bytes, weights)).toBe(0)
    expect(progress.at(-1)).toMatchObject({
      phase: 'download',
      done: weights.length,
      total: weights.length,
      unit: 'byte',
      note: 'model.onnx',
    })
    const asked = server!.requests.length
    const again = await (await offline()).require(['onnx/model.onnx'], 'weights')
    expect(Buffer.compare(again.bytes, weights)).toBe(0)
    expect(server!.requests).toHaveLength(asked)
  })

  it('takes the first of several candidates that is there, and loads a file that two ask for at once a single time', async () => {
    const model = await open()
    const [one, two] = await Promise.all([
      model.find(['onnx/model.onnx']),
      model.find(['model.onnx', 'onnx/model.onnx']),
    ])
    expect(two?.path).toBe('onnx/model.onnx')
    expect(one?.bytes).toHaveLength(weights.length)
    expect(server!.requests.filter(({ method, path }) => method === 'GET' && path.startsWith('/storage'))).toHaveLength(
      1,
    )
    expect(await model.find(['tokenizer.json'])).toBeUndefined()
  })

  it('goes on where a broken connection stopped', async () => {
    let broken = 0
    const model = await open((request): Mishap | undefined =>
      request.method === 'GET' && request.url?.startsWith('/storage') && broken++ === 0
        ? { breakAfter: 70_000, arrived: partOnDisk }
        : undefined,
    )
    const { bytes } = await model.require(['onnx/model.onnx'], 'weights')
    expect(Buffer.compare(bytes, weights)).toBe(0)
    const ranges = server!.requests
      .filter(({ method, path }) => method === 'GET' && path.startsWith('/storage'))
      .map(({ range }) => range)
    expect(ranges).toHaveLength(2)
    expect(ranges[1]).toMatch(/^bytes=[1-9]\d*-$/)
    expect(await listed()).toEqual(
      ['team/net/main/onnx/model.onnx', 'team/net/main/onnx/model.onnx.json'].map((name) => join('hub', name)),
    )
  })

  it('goes on with the part that a stopped process left', async () => {
    const folder = join(cacheFolder, 'hub', 'team', 'net', 'main', 'onnx')
    await mkdir(folder, { recursive: true })
    const etag = createHash('sha256').update(weights).digest('hex')
    await writeFile(join(folder, `model.onnx.${etag}.part`), weights.subarray(0, 150_000))
    const model = await open()
    expect(Buffer.compare((await model.require(['onnx/model.onnx'], 'weights')).bytes, weights)).toBe(0)
    expect(server!.requests.find(({ method, path }) => method === 'GET' && path.startsWith('/storage'))?.range).toBe(
      'bytes=150000-',
    )
  })

  it('refuses a download that does not have its checksum, and keeps nothing of it', async () => {
    const folder = join(cacheFolder, 'hub', 'team', 'net', 'main', 'onnx')
    await mkdir(folder, { recursive: true })
    const etag = createHash('sha256').update(weights).digest('hex')
    await writeFile(join(folder, `model.onnx.${etag}.part`), new Uint8Array(150_000))
    const model = await open()
    await expect(model.require(['onnx/model.onnx'], 'weights')).rejects.toMatchObject({
      code: 'hub/checksum',
      message: expect.stringContaining(etag) as string,
    })
    expect(await listed()).toEqual([])
  })

  it('waits out passing failures and gives up on lasting ones, naming the address', async () => {
    let failures = 0
    const model = await open((): Mishap | undefined => (failures++ < 2 ? { status: 503, retryAfter: '0' } : undefined))
    expect((await model.require(['config.json'], 'config')).bytes).toHaveLength(config.length)
    await server!.close()
    server = undefined
    await expect(model.require(['onnx/model.onnx'], 'weights')).rejects.toMatchObject({
      code: 'hub/unreachable',
      message: expect.stringContaining(
        '/team/net/resolve/main/onnx/model.onnx could not be loaded in 4 attempts',
      ) as string,
    })
  })

  it('loads a damaged cached file again, and says so when it is offline', async () => {
    const model = await open()
    const { file } = await model.require(['onnx/model.onnx'], 'weights')
    await truncate(file, 1000)
    await expect((await offline()).require(['onnx/model.onnx'], 'weights')).rejects.toMatchObject({
      code: 'hub/not-found',
    })
    await model.require(['onnx/model.onnx'], 'weights')
    expect(Buffer.compare(await readFile(file), weights)).toBe(0)
  })

  it('lists every place that it tried', async () => {
    const model = await open()
    const { baseUrl } = server!
    await expect(model.require(['onnx/model_fp16.onnx', 'model_fp16.onnx'], 'weights of fp16')).rejects.toMatchObject({
      code: 'hub/not-found',
      fields: {
        tried: [
          `${baseUrl}/team/net/resolve/main/onnx/model_fp16.onnx (not found)`,
          `${baseUrl}/team/net/resolve/main/model_fp16.onnx (not found)`,
        ],
      },
    })
  })

  it('names a repository that it may not read', async () => {
    const model = await open(() => ({ status: 401 }))
    await expect(model.require(['config.json'], 'config')).rejects.toMatchObject({
      code: 'hub/access',
      fields: { status: 401 },
    })
  })

  it('reads another revision', async () => {
    const model = await open(undefined, { revision: 'refs/pr/1' })
    expect((await model.require(['config.json'], 'config')).bytes).toHaveLength(config.length)
  })

  it('stops when it is told to', async () => {
    const stop = new AbortController()
    const model = await open(
      () => {
        stop.abort(new Error('enough'))
        return { status: 503 }
      },
      { signal: stop.signal, retryDelay: 10_000 },
    )
    await expect(model.require(['config.json'], 'config')).rejects.toThrow('enough')
  })
})

describe('a folder', () => {
  it('is read in place', async () => {
    await writeFile(join(cacheFolder, 'config.json'), config)
    const model = await openModelFiles('./', cacheFolder, { cacheFolder })
    expect((await model.require(['config.json'], 'config')).file).toBe(join(cacheFolder, 'config.json'))
    await expect(model.require(['onnx/model.onnx'], 'weights')).rejects.toMatchObject({ code: 'hub/not-found' })
  })

  it('must exist', async () => {
    await expect(openModelFiles('./nowhere', cacheFolder, { cacheFolder })).rejects.toMatchObject({
      code: 'hub/no-folder',
    })
  })
})

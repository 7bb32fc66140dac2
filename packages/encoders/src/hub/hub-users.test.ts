import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { HubOptions } from './hub-options.js'
import { openModelFiles } from './model-files.js'
import { proxyFor } from './proxy.js'

/* The hub as users have set it up for Hugging Face's own tools. */

const config = Buffer.from('{"model_type": "vit"}')
let folder: string
const servers: Server[] = []
const sockets = new Set<Socket>()

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lookalike-hub-users-'))
  for (const name of [
    'HF_TOKEN',
    'HUGGING_FACE_HUB_TOKEN',
    'HF_HUB_CACHE',
    'HUGGINGFACE_HUB_CACHE',
    'HF_HUB_OFFLINE',
    'TRANSFORMERS_OFFLINE',
  ])
    vi.stubEnv(name, '')
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'])
    for (const each of [name, name.toLowerCase()]) vi.stubEnv(each, '')
  vi.stubEnv('HF_HOME', join(folder, 'home'))
})
afterEach(async () => {
  vi.unstubAllEnvs()
  for (const socket of sockets) socket.destroy()
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  await rm(folder, { recursive: true })
})

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
const open = (baseUrl: string, options: Partial<HubOptions> = {}) =>
  openModelFiles('team/net', '.', {
    cacheFolder: join(folder, 'cache'),
    baseUrl,
    retries: 0,
    retryDelay: 1,
    ...options,
  })
const ask = async (baseUrl: string, options: Partial<HubOptions> = {}) =>
  (await open(baseUrl, options)).require(['config.json'], 'config')

describe('a token', () => {
  const guarded = async (storage: string) => {
    const seen: (string | undefined)[] = []
    const url = await serve((request, response) => {
      seen.push(request.headers.authorization)
      if (request.headers.authorization !== 'Bearer secret')
        response.writeHead(401, { 'x-error-code': 'GatedRepo' }).end()
      else response.writeHead(302, { location: `${storage}/file` }).end()
    })
    return { url, seen }
  }
  const storage = async () => {
    const seen: (string | undefined)[] = []
    const url = await serve((request, response) => {
      seen.push(request.headers.authorization)
      response.writeHead(200, { 'content-length': config.length }).end(request.method === 'HEAD' ? '' : config)
    })
    return { url, seen }
  }

  it.each([
    ['HF_TOKEN', async () => void vi.stubEnv('HF_TOKEN', 'secret')],
    [
      'the file that logging in wrote',
      async () => {
        await mkdir(join(folder, 'home'))
        await writeFile(join(folder, 'home', 'token'), 'secret\n')
      },
    ],
  ])('of %s goes to the hub, and not to the storage behind it', async (_, give) => {
    await give()
    const behind = await storage()
    const hub = await guarded(behind.url)
    expect((await ask(hub.url)).bytes).toHaveLength(config.length)
    expect(new Set(hub.seen)).toEqual(new Set(['Bearer secret']))
    expect(behind.seen.length).toBeGreaterThan(0)
    expect(new Set(behind.seen)).toEqual(new Set([undefined]))
  })

  it('that is missing or wrong is said, and never shown', async () => {
    const { url } = await guarded('http://127.0.0.1:1')
    await expect(ask(url)).rejects.toMatchObject({
      code: 'hub/access',
      message: expect.stringMatching(/401, GatedRepo.*HF_TOKEN/) as string,
    })
    vi.stubEnv('HF_TOKEN', 'hunter2')
    const fault = await ask(url).catch((error: Error) => error)
    expect(fault).toMatchObject({ code: 'hub/access', message: expect.stringContaining('accept the terms') as string })
    expect(JSON.stringify(fault)).not.toContain('hunter2')
  })
})

describe('downloads of other tools', () => {
  const sha = (kind: 'sha1' | 'sha256', bytes: Uint8Array) =>
    createHash(kind)
      .update(kind === 'sha1' ? `blob ${bytes.length}\0` : '')
      .update(bytes)
      .digest('hex')
  async function cacheFile(path: string, blob: string, content: Uint8Array) {
    const model = join(folder, 'home', 'hub', 'models--team--net')
    const file = join(model, 'snapshots', 'abc', path)
    await mkdir(dirname(file), { recursive: true })
    await mkdir(join(model, 'blobs'), { recursive: true })
    await mkdir(join(model, 'refs'), { recursive: true })
    await writeFile(join(model, 'refs', 'main'), 'abc')
    await writeFile(join(model, 'blobs', blob), content)
    await symlink(join(model, 'blobs', blob), file)
    return file
  }
  const nowhere = 'http://127.0.0.1:1'

  it('are found, by revision and by commit, without the network', async () => {
    const file = await cacheFile('config.json', sha('sha1', config), config)
    expect((await ask(nowhere)).file).toBe(file)
    expect((await ask(nowhere, { revision: 'abc' })).file).toBe(file)
    await expect(ask(nowhere, { revision: 'other' })).rejects.toMatchObject({ code: 'hub/unreachable' })
  })

  it('are passed over where they are damaged or half-written', async () => {
    await cacheFile('config.json', sha('sha256', config), config.subarray(0, 5))
    const url = await serve((request, response) =>
      response.writeHead(200, { 'content-length': config.length }).end(request.method === 'HEAD' ? '' : config),
    )
    expect((await ask(url)).bytes).toHaveLength(config.length)
  })

  it('are all there is when the network is switched off', async () => {
    vi.stubEnv('HF_HUB_OFFLINE', '1')
    await expect(ask(nowhere)).rejects.toMatchObject({
      code: 'hub/not-found',
      message: expect.stringContaining('offline') as string,
    })
  })
})

describe('a proxy', () => {
  async function proxy() {
    const asked: string[] = []
    const server = createServer()
    servers.push(server)
    server.on('connect', (request: IncomingMessage, socket: Socket) => {
      asked.push(request.url!)
      const [host, port] = request.url!.split(':') as [string, string]
      const behind = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        behind.pipe(socket).pipe(behind)
      })
      for (const each of [behind, socket]) {
        sockets.add(each)
        each.on('error', () => each.destroy())
      }
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
  }
  const hub = () =>
    serve((request, response) =>
      response.writeHead(200, { 'content-length': config.length }).end(request.method === 'HEAD' ? '' : config),
    )

  it('is gone through, but not for what is excepted', async () => {
    const { url, asked } = await proxy()
    vi.stubEnv('HTTP_PROXY', url)
    const base = await hub()
    expect((await ask(base)).bytes).toHaveLength(config.length)
    expect(asked).toContain(new URL(base).host)
    asked.length = 0
    vi.stubEnv('NO_PROXY', '127.0.0.1')
    await ask(base, { cacheFolder: join(folder, 'other') })
    expect(asked).toEqual([])
  })

  it('that is dead is named, without its password', async () => {
    vi.stubEnv('HTTP_PROXY', 'http://me:hunter2@127.0.0.1:1')
    const fault = await ask(await hub()).catch((error: Error) => error)
    expect(fault).toMatchObject({
      code: 'hub/unreachable',
      message: expect.stringMatching(/through the proxy http:\/\/127\.0\.0\.1:1.*NO_PROXY/) as string,
    })
    expect(JSON.stringify(fault)).not.toContain('hunter2')
  })

  it.each([
    ['https://hub.org/x', {}, undefined],
    ['https://hub.org/x', { HTTPS_PROXY: 'http://p:1' }, 'http://p:1'],
    ['https://hub.org/x', { https_proxy: 'http://p:1' }, 'http://p:1'],
    ['https://hub.org/x', { HTTPS_PROXY: 'http://p:1', NO_PROXY: 'a.org, hub.org' }, undefined],
    ['https://cdn.hub.org/x', { HTTPS_PROXY: 'http://p:1', NO_PROXY: '.hub.org' }, undefined],
    ['https://xhub.org/x', { HTTPS_PROXY: 'http://p:1', NO_PROXY: 'hub.org' }, 'http://p:1'],
    ['https://hub.org/x', { HTTPS_PROXY: 'http://p:1', NO_PROXY: 'hub.org:8080' }, 'http://p:1'],
    ['https://hub.org/x', { HTTPS_PROXY: 'http://p:1', NO_PROXY: '*' }, undefined],
    ['http://hub.org/x', { HTTPS_PROXY: 'http://p:1' }, undefined],
  ])('of %s with %j is %s', (url, env, expected) => {
    expect(proxyFor(url, env)).toBe(expected)
  })
})

describe('answers that are no file', () => {
  it('a web page', async () => {
    const url = await serve((_, response) =>
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<html>'),
    )
    await expect(ask(url)).rejects.toMatchObject({
      code: 'hub/answer',
      message: expect.stringContaining('web page') as string,
    })
  })

  it.each([
    [404, 'RepoNotFound', 'hub/not-found', /no such repository/],
    [404, 'RevisionNotFound', 'hub/not-found', /no such revision.*option revision/],
    [404, 'EntryNotFound', 'hub/not-found', /config\.json \(not found\)/],
    [403, 'GatedRepo', 'hub/access', /403, GatedRepo/],
    [429, '', 'hub/unreachable', /429, which means too many requests/],
    [500, '', 'hub/unreachable', /500/],
    [418, '', 'hub/answer', /gave 418/],
  ])('%i %s', async (status, code, expected, message) => {
    const url = await serve((_, response) => response.writeHead(status, code ? { 'x-error-code': code } : {}).end())
    await expect(ask(url)).rejects.toMatchObject({ code: expected, message: expect.stringMatching(message) as string })
  })

  it('too many requests, until the date that the hub names', async () => {
    let asked = 0
    const url = await serve((request, response) => {
      if (asked++ === 0) response.writeHead(429, { 'retry-after': new Date(Date.now() - 5000).toUTCString() }).end()
      else response.writeHead(200, { 'content-length': config.length }).end(request.method === 'HEAD' ? '' : config)
    })
    // Without the date the pause would be an hour.
    expect((await ask(url, { retries: 1, retryDelay: 3_600_000 })).bytes).toHaveLength(config.length)
  })
})

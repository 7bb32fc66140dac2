import { mkdtemp, rm } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createEmbeddings, type Metadata } from '@lookalike/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RequestRecord } from './http/create-app.js'
import { type RunningServer, type ServeOptions, serve } from './serve.js'
import { createService } from './service/create-service.js'
import { fakePool } from './testing/fake-pool.js'
import { memoryGallery } from './testing/memory-gallery.js'

let folder = ''
let log: RequestRecord[] = []
let open: RunningServer | undefined
const sockets: Socket[] = []
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-http-'))
  log = []
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await open?.stop(0)
  open = undefined
  await rm(folder, { recursive: true, force: true })
})

async function start(
  options: Partial<ServeOptions> = {},
  pool = fakePool(),
  metadata: Metadata = {},
): Promise<RunningServer> {
  const gallery = memoryGallery(folder)
  await gallery.add([{ id: 'red', hash: 'ab'.repeat(32), metadata }], {
    embeddings: createEmbeddings({ data: Float32Array.of(1, 0, 0), rows: 1, dim: 3, space: 'colours/1', role: 'any' }),
  })
  const service = createService({ gallery, pool, writable: true, cacheFolder: folder })
  open = await serve({ service, name: 'test', version: '1', port: 0, onRequest: (each) => log.push(each), ...options })
  return open
}
const portOf = ({ url }: RunningServer) => Number(new URL(url).port)
const search = (server: RunningServer, init: RequestInit = {}) =>
  fetch(`${server.url}api/v1/search`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ positives: [{ image: Buffer.from([1, 0, 0]).toString('base64') }] }),
    ...init,
  })
/** A connection of which nothing is hidden. */
function raw(server: RunningServer): Promise<{ socket: Socket; text: () => string; ended: Promise<void> }> {
  return new Promise((resolve) => {
    const socket = connect(portOf(server), '127.0.0.1')
    sockets.push(socket)
    let text = ''
    socket.on('data', (data) => (text += data.toString()))
    socket.on('error', () => {})
    const ended = new Promise<void>((end) => socket.once('close', () => end()))
    socket.once('connect', () => resolve({ socket, text: () => text, ended }))
  })
}

describe('a body', () => {
  it('of five gigabytes is refused before it is sent', async () => {
    const server = await start()
    const { socket, text, ended } = await raw(server)
    socket.write('POST /api/v1/search HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n')
    socket.write('content-length: 5368709120\r\n\r\n{')
    await ended
    expect(text()).toContain('HTTP/1.1 413')
    expect(text()).toContain('serve/too-large')
  })

  it('that does not say how long it is is refused at the limit', async () => {
    const server = await start({ maxBody: 100_000 })
    let sent = 0
    const status = await new Promise<number | string>((resolve) => {
      const request = httpRequest(`${server.url}api/v1/search`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
      })
      request.on('response', (response) => {
        response.resume()
        resolve(response.statusCode!)
      })
      request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'))
      const block = Buffer.alloc(65_536, 32)
      const more = () => {
        while (!request.destroyed && request.write(block)) sent += block.length
        sent += block.length
      }
      request.on('drain', more)
      more()
    })
    // It may be gone before the answer was read.
    expect([413, 'ECONNRESET', 'EPIPE']).toContain(status)
    expect(log[0]).toMatchObject({ status: 413, code: 'serve/too-large' })
    // What the system keeps on the way is a few megabytes.
    expect(sent).toBeLessThan(100 * 2 ** 20)
  })

  it('that comes too slowly ends the connection', async () => {
    const server = await start({ requestTimeout: 300 })
    const { socket, text, ended } = await raw(server)
    socket.write(
      'POST /api/v1/search HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{',
    )
    const drip = setInterval(() => socket.write(' '), 50)
    await ended
    clearInterval(drip)
    expect(text()).toMatch(/^(HTTP\/1\.1 408|$)/)
    expect((await search(server)).status).toBe(200)
  })

  it('is refused where too many are held', async () => {
    const server = await start({ maxBody: 10_000 })
    const headers = 'host: localhost\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n'
    const held = await Promise.all(Array.from({ length: 9 }, () => raw(server)))
    for (const { socket } of held) socket.write(`POST /api/v1/search HTTP/1.1\r\n${headers}${' '.repeat(9900)}`)
    await expect.poll(() => held.some(({ text }) => text().includes('503'))).toBe(true)
    for (const { socket } of held) socket.destroy()
    await expect.poll(async () => (await search(server)).status).toBe(200)
  })
})

describe('a client', () => {
  it('that leaves takes its work with it', async () => {
    let seen: AbortSignal | undefined
    const wait = (signal?: AbortSignal) =>
      new Promise<void>((_, reject) => {
        seen = signal
        signal?.addEventListener('abort', () => reject(signal.reason as Error))
      })
    const server = await start({}, fakePool({ wait }))
    const controller = new AbortController()
    const asked = search(server, { signal: controller.signal }).catch((error: Error) => error.name)
    await expect.poll(() => seen).toBeDefined()
    controller.abort()
    expect(await asked).toBe('AbortError')
    await expect.poll(() => seen!.aborted).toBe(true)
    await expect.poll(() => log[0]?.status).toBe(499)
    expect(log[0]).not.toHaveProperty('code')
  })

  it('that never reads its answer is let go, one that waits for it is not', async () => {
    let finish = () => {}
    const gate = new Promise<void>((resolve) => {
      finish = resolve
    })
    let waits = false
    const wait = () => {
      waits = true
      return gate
    }
    // More than the system keeps on the way.
    const server = await start({ requestTimeout: 300 }, fakePool({ wait }), { note: 'x'.repeat(2 ** 24) })
    const asked = search(server)
    await expect.poll(() => waits).toBe(true)
    const { socket, text, ended } = await raw(server)
    socket.pause()
    socket.write('GET /api/v1/items/red HTTP/1.1\r\nhost: localhost\r\n\r\n')
    await expect.poll(() => log.some(({ method, path: at }) => method === 'GET' && at.endsWith('/red'))).toBe(true)
    const ends = () => process.getActiveResourcesInfo().filter((each) => each === 'TCPSocketWrap').length
    const before = ends()
    await expect.poll(() => ends()).toBeLessThan(before)
    socket.resume()
    await ended
    expect(text().length).toBeLessThan(2 ** 24)
    finish()
    expect((await asked).status).toBe(200)
  })

  it('is one of a thousand', async () => {
    const server = await start()
    const body = JSON.stringify({ positives: [{ image: Buffer.from([1, 0, 0]).toString('base64') }] })
    const ask = (i: number) =>
      new Promise<number>((resolve, reject) => {
        const [method, at] = i % 2 ? ['POST', 'search'] : ['GET', 'items/red']
        const headers = { 'content-type': 'application/json', connection: 'close' }
        const request = httpRequest({ host: '127.0.0.1', port: portOf(server), path: `/api/v1/${at}`, method, headers })
        request.on('response', (response) => {
          response.resume().on('end', () => resolve(response.statusCode!))
        })
        request.on('error', reject)
        request.end(i % 2 ? body : undefined)
      })
    const statuses = await Promise.all(Array.from({ length: 1000 }, (_, i) => ask(i)))
    expect(statuses.filter((status) => status !== 200)).toEqual([])
  })
})

describe('stopping', () => {
  it('answers what is under way, and takes nothing more', async () => {
    let finish = () => {}
    const gate = new Promise<void>((resolve) => {
      finish = resolve
    })
    const server = await start({}, fakePool({ wait: () => gate }))
    const asked = search(server)
    await expect
      .poll(async () => (await (await fetch(`${server.url}metrics`)).text()).match(/under_way (\d)/)?.[1])
      .toBe('2')
    const stopped = server.stop()
    finish()
    expect((await asked).status).toBe(200)
    await stopped
    await expect(search(server)).rejects.toThrow()
  })

  it('ends what does not end in time', async () => {
    const server = await start({}, fakePool({ wait: () => new Promise(() => {}) }))
    const asked = search(server).catch(() => 'cut')
    await expect
      .poll(async () => (await (await fetch(`${server.url}metrics`)).text()).match(/under_way (\d)/)?.[1])
      .toBe('2')
    await server.stop(50)
    expect(await asked).toBe('cut')
  })
})

describe('starting', () => {
  it('needs tokens where others can reach it', async () => {
    await expect(start({ host: '0.0.0.0' })).rejects.toMatchObject({ code: 'serve/no-tokens' })
    const tokens = [{ token: 'a-token-of-some-length', role: 'read' }] as const
    const server = await start({ host: '0.0.0.0', tokens })
    const response = await fetch(`http://127.0.0.1:${portOf(server)}/api/v1/items/red`)
    expect(response.status).toBe(401)
  })

  it('says when the port is taken', async () => {
    const server = await start()
    const first = open
    await expect(start({ port: portOf(server) })).rejects.toMatchObject({ code: 'serve/port' })
    open = first
  })
})

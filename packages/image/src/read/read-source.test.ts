import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeSource } from './describe-source.js'
import { readSource } from './read-source.js'

let server: Server
let base: string
let closed = 0
beforeAll(async () => {
  server = createServer((request, response) => {
    response.on('close', () => closed++)
    switch (request.url) {
      case '/image':
        return void response.end('bytes')
      case '/moved':
        return void response.writeHead(302, { location: '/image' }).end()
      case '/empty':
        return void response.end()
      case '/announced':
        return void response.writeHead(200, { 'content-length': 5000 }).write('a')
      case '/endless': {
        const timer = setInterval(() => response.write('x'.repeat(100)), 1)
        return void response.on('close', () => clearInterval(timer))
      }
      case '/slow':
        return void response.writeHead(200).write('a')
      case '/cut':
        return void response.writeHead(200, { 'content-length': 100 }).write('a', () => response.destroy())
      default:
        response.writeHead(404, 'Not Found').end('<html>')
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

describe('readSource', () => {
  it('downloads, following redirects', async () => {
    for (const source of [`${base}/image`, new URL(`${base}/moved`)])
      expect(String(await readSource(source))).toBe('bytes')
  })

  it.each([
    ['/none', 'image/http', { status: 404 }],
    ['/empty', 'image/empty', {}],
    ['/announced', 'image/too-many-bytes', { bytes: 5000 }],
    ['/endless', 'image/too-many-bytes', { maxBytes: 1000 }],
    ['/slow', 'image/timeout', { timeout: 300 }],
    ['/cut', 'image/network', {}],
  ])('names what went wrong at %s and hangs up', async (path, code, fields) => {
    const before = closed
    const error = await readSource(base + path, { maxBytes: 1000, timeout: 300 }).catch((e: unknown) => e)
    expect(error).toMatchObject({ code, fields: { source: base + path, ...fields } })
    expect((error as Error).message).toContain(base + path)
    await expect.poll(() => closed).toBeGreaterThan(before)
  })

  it('names a server that does not answer', async () => {
    await expect(readSource('http://127.0.0.1:1/x.jpg')).rejects.toMatchObject({ code: 'image/network' })
  })

  it('stops a download for a signal, with its reason', async () => {
    const reason = new Error('enough')
    const controller = new AbortController()
    setTimeout(() => controller.abort(reason), 30)
    await expect(readSource(`${base}/slow`, { signal: controller.signal })).rejects.toBe(reason)
  })

  it('decodes data URLs and refuses broken ones', async () => {
    expect(String(await readSource('data:text/plain,a%20b'))).toBe('a b')
    expect(String(await readSource('data:x;charset=utf-8;base64,YSBi'))).toBe('a b')
    expect(String(await readSource(new URL('data:;base64,YSBi')))).toBe('a b')
    for (const url of [
      'data:image/png;base64',
      'data:;base64,%%%',
      'data:;base64,###',
      'data:,%E0%A4%A',
      'ftp://a/b.png',
      'file:///a%2Fb',
    ]) {
      await expect(readSource(url), url).rejects.toMatchObject({ code: 'image/bad-url' })
    }
    await expect(readSource(`data:,${'a'.repeat(50)}`, { maxBytes: 10 })).rejects.toMatchObject({
      code: 'image/too-many-bytes',
    })
  })
})

describe('describeSource', () => {
  it('keeps paths and addresses, and shortens data', () => {
    expect(describeSource('a/b.jpg')).toBe('a/b.jpg')
    expect(describeSource(new URL('https://a.test/b.jpg'))).toBe('https://a.test/b.jpg')
    expect(describeSource(`data:image/png;base64,${'A'.repeat(1000)}`)).toMatch(
      /^data:image\/png;base64,A+\.\.\. \(1022 characters\)$/,
    )
    expect(describeSource(new Uint8Array(7))).toBe('an image of 7 bytes')
    expect(describeSource({ data: new Uint8Array(6), width: 2, height: 1 })).toBe('raw pixels of 2 x 1')
  })
})

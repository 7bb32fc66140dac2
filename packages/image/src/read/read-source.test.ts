import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { LookalikeError } from '@lookalike/core'
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
      case '/file':
        return void response.writeHead(302, { location: 'file:///etc/passwd' }).end()
      case '/loop':
        return void response.writeHead(302, { location: '/loop' }).end()
      case '/zipped':
        return void response.writeHead(200, { 'content-encoding': 'gzip' }).end('bytes')
      case '/who':
        return void response.end(request.headers.authorization ?? 'nobody')
      case '/elsewhere':
        return void response.writeHead(302, { location: `http://localhost:${request.socket.localPort}/who` }).end()
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
      expect(String(await readSource(source, { urls: 'any' }))).toBe('bytes')
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
    const error = await readSource(base + path, { maxBytes: 1000, timeout: 300, urls: 'any' }).catch((e: unknown) => e)
    expect(error).toMatchObject({ code, fields: { source: base + path, ...fields } })
    expect((error as Error).message).toContain(base + path)
    await expect.poll(() => closed).toBeGreaterThan(before)
  })

  it('sends the name and password of an address to its own host alone, and shows them nowhere', async () => {
    const withUser = base.replace('//', '//user:secret@')
    expect(String(await readSource(`${withUser}/who`, { urls: 'any' }))).toBe(
      `Basic ${Buffer.from('user:secret').toString('base64')}`,
    )
    expect(String(await readSource(`${withUser}/elsewhere`, { urls: 'any' }))).toBe('nobody')
    for (const [address, urls] of [
      [`${withUser}/none?token=secret`, 'any'],
      [`${withUser}/none?token=secret`, 'public'],
      ['http://user:secret@127.0.0.1:1/x?key=secret', 'any'],
      ['http://user:secret@[bad/x?key=secret', 'any'],
    ] as const) {
      const error = (await readSource(address, { urls }).catch((e: unknown) => e)) as LookalikeError
      expect(error.code).toMatch(/^image\//)
      const cause = error.cause as Error | undefined
      expect(`${error.stack} ${JSON.stringify(error)} ${cause?.stack} ${JSON.stringify(cause)}`).not.toContain(
        'secret@',
      )
      expect(`${error.message} ${JSON.stringify(error)}`).not.toContain('secret')
    }
  })

  it.each([
    'http://127.0.0.1:PORT/image',
    'http://localhost:PORT/image',
    'http://2130706433:PORT/image',
    'http://0177.0.0.1:PORT/image',
    'http://0x7f.1:PORT/image',
    'http://[::ffff:127.0.0.1]:PORT/image',
    'http://[::1]:PORT/image',
    'http://169.254.169.254/latest/meta-data/',
    'http://0/x',
  ])('does not go to %s unless allowed', async (address) => {
    const url = address.replace('PORT', new URL(base).port)
    await expect(readSource(url)).rejects.toMatchObject({ code: 'image/not-allowed' })
    await expect(readSource(url, { urls: 'none' })).rejects.toMatchObject({ code: 'image/not-allowed' })
  })

  it('follows redirects to http alone, and not for ever', async () => {
    await expect(readSource(`${base}/file`, { urls: 'any' })).rejects.toMatchObject({ code: 'image/not-allowed' })
    await expect(readSource(`${base}/loop`, { urls: 'any' })).rejects.toMatchObject({
      code: 'image/http',
      message: expect.stringContaining('10 times'),
    })
  })

  it('refuses codings that it did not ask for', async () => {
    await expect(readSource(`${base}/zipped`, { urls: 'any' })).rejects.toMatchObject({ code: 'image/network' })
  })

  it('names a server that does not answer', async () => {
    await expect(readSource('http://127.0.0.1:1/x.jpg', { urls: 'any' })).rejects.toMatchObject({
      code: 'image/network',
    })
  })

  it('stops a download for a signal, with its reason', async () => {
    const reason = new Error('enough')
    const controller = new AbortController()
    setTimeout(() => controller.abort(reason), 30)
    await expect(readSource(`${base}/slow`, { signal: controller.signal, urls: 'any' })).rejects.toBe(reason)
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

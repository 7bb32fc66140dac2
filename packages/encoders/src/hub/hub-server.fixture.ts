import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface HubServer {
  readonly baseUrl: string
  readonly requests: { readonly method: string; readonly path: string; readonly range: string | undefined }[]
  close(): Promise<void>
}

/** What a request meets instead of the file: a status, or a connection that breaks after some bytes, once they have `arrived`. */
export type Mishap =
  | { readonly status: number; readonly retryAfter?: string | undefined }
  | { readonly breakAfter: number; readonly arrived: () => Promise<unknown> }

/**
 * A model hub on this machine: small files come with git's blob hash as their tag; files of 64 bytes and more are redirected to
 * `/storage`, with their SHA-256 in the redirecting answer alone, as large files are on the real one.
 */
export async function startHubServer(
  files: Readonly<Record<string, Uint8Array>>,
  mishap: (request: IncomingMessage) => Mishap | undefined = () => undefined,
): Promise<HubServer> {
  const requests: { method: string; path: string; range: string | undefined }[] = []
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '/')
    const { range } = request.headers
    requests.push({ method: request.method ?? '', path, range })
    const trouble = mishap(request)
    if (trouble && 'status' in trouble) {
      response
        .writeHead(trouble.status, trouble.retryAfter === undefined ? {} : { 'retry-after': trouble.retryAfter })
        .end()
      return
    }
    const stored = path.startsWith('/storage/')
    const name = stored ? path.slice('/storage'.length) : path
    const bytes = files[name]
    if (!bytes) {
      response.writeHead(404).end('Entry not found')
      return
    }
    if (!stored && bytes.length >= 64) {
      response
        .writeHead(302, {
          location: `/storage${name}`,
          'x-linked-etag': `"${sha256(bytes)}"`,
          'x-linked-size': bytes.length,
        })
        .end()
      return
    }
    const from = range ? Number(/^bytes=(\d+)-$/.exec(range)?.[1]) : 0
    const body = bytes.subarray(from)
    response.writeHead(range ? 206 : 200, {
      etag: stored ? '"of-the-storage"' : `W/"${gitBlob(bytes)}"`,
      'content-length': body.length,
      ...(range ? { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {}),
    })
    if (request.method === 'HEAD') response.end()
    else if (trouble)
      response.write(body.subarray(0, trouble.breakAfter), () => void trouble.arrived().then(() => response.destroy()))
    else response.end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((resolve, reject) => {
        server.closeAllConnections()
        server.close((error) => (error ? reject(error) : resolve()))
      }),
  }
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const gitBlob = (bytes: Uint8Array) => createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')

import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAdaptorServer } from '@hono/node-server'
import { LookalikeError, type Warning } from '@lookalike/core'
import { createApp, type RequestRecord } from './http/create-app.js'
import type { Token } from './http/guard.js'
import { isLoopback } from './http/own-address.js'
import { readPage } from './page-files.js'
import type { Service } from './service/create-service.js'

export interface ServeOptions {
  readonly service: Service
  /** Of the gallery, for people. */
  readonly name: string
  /** Of this software. */
  readonly version: string
  /** Default 127.0.0.1: this machine alone. */
  readonly host?: string | undefined
  /** 0 takes a free one. Default 4322. */
  readonly port?: number | undefined
  /** Who may ask. Needed where others than this machine can reach the server. */
  readonly tokens?: readonly Token[] | undefined
  /** Further names that lead here, of a proxy say. */
  readonly hosts?: readonly string[] | undefined
  /** Origins of other sites whose pages may ask. */
  readonly cors?: readonly string[] | undefined
  /** Bytes of a request. Default: 32 MiB (ours). */
  readonly maxBody?: number | undefined
  /** Milliseconds that a client may take to send a request, and to read on in its answer. Default: 30,000 (ours). */
  readonly requestTimeout?: number | undefined
  /** Whether the files themselves may be had. Default false. */
  readonly originals?: boolean | undefined
  readonly urls?: boolean | undefined
  readonly rerankers?: readonly string[] | undefined
  readonly onRequest?: ((record: RequestRecord) => void) | undefined
  readonly onWarning?: ((warning: Warning) => void) | undefined
}

export interface RunningServer {
  readonly url: string
  /** The OpenAPI description. */
  readonly description: Record<string, unknown>
  /** Takes no more requests, ends those that are under way (at most `grace` milliseconds, default 10,000), then closes. */
  stop(grace?: number): Promise<void>
}

/** Connections that wait to be taken. */
const BACKLOG = 4096

/**
 * Serves a gallery over HTTP.
 *
 * @throws `serve/no-tokens` where others can reach it and nobody would need a token, `serve/port`
 */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const { host = '127.0.0.1', port = 4322, tokens = [], maxBody = 32 * 2 ** 20, requestTimeout = 30_000 } = options
  if (tokens.length === 0 && !isLoopback(host)) throw noTokens(host)
  const app = createApp({
    service: options.service,
    name: options.name,
    version: options.version,
    bound: host,
    hosts: options.hosts,
    tokens,
    origins: options.cors ?? [],
    maxBody,
    originals: options.originals ?? false,
    urls: options.urls ?? false,
    rerankers: options.rerankers ?? [],
    page: await readPage(options.onWarning),
    onRequest: options.onRequest,
  })
  const server = createAdaptorServer({
    fetch: app.fetch,
    hostname: host,
    serverOptions: {
      requestTimeout,
      headersTimeout: Math.min(requestTimeout, 10_000),
      keepAliveTimeout: 60_000,
      connectionsCheckingInterval: 1000,
      maxHeaderSize: 16_384,
    },
  }) as Server
  // Without this, a client that never reads its answer keeps the connection for ever.
  server.timeout = requestTimeout
  server.on('request', (_, response) => {
    // One that waits for an answer may wait longer.
    response.on('timeout', (socket) => {
      if (socket.writableLength > 0) socket.destroy()
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(portTaken(host, port, cause)))
    server.listen({ port, host, backlog: BACKLOG }, resolve)
  })
  const { port: used } = server.address() as AddressInfo
  const name = host === '127.0.0.1' ? 'localhost' : host.includes(':') ? `[${host}]` : host
  return {
    url: `http://${name}:${used}/`,
    description: app.description,
    async stop(grace = 10_000) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      app.stop()
      server.closeIdleConnections()
      const end = Date.now() + grace
      while (app.underWay() > 0 && Date.now() < end) await sleep(20)
      server.closeAllConnections()
      await closed
      app.dispose()
    },
  }
}

const noTokens = (host: string) =>
  new LookalikeError(
    'serve/no-tokens',
    {
      problem: `Others can reach ${host}, and nobody would need a token`,
      expected: 'a token in the environment variable LOOKALIKE_READ_TOKEN or LOOKALIKE_WRITE_TOKEN',
      fix: 'Set one of them, or serve this machine alone: --host 127.0.0.1.',
    },
    { fields: { host } },
  )

const portTaken = (host: string, port: number, cause: Error) =>
  new LookalikeError(
    'serve/port',
    {
      problem: `${host}:${port} cannot be listened at: ${cause.message}`,
      fix: 'Choose another port with --port.',
    },
    { fields: { host, port }, cause },
  )

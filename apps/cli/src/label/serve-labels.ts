import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type ImageLimits, type ImageRequest, LookalikeError, toWarning } from '@lookalike/core'
import { thumbnail } from '@lookalike/image'
import { foreignPart, readPage } from '@lookalike/server'
import type { LabelAnswer, LabelSession } from './label-session.js'

export interface LabelServer {
  readonly url: string
  close(): Promise<void>
}

export interface LabelServerOptions {
  readonly session: LabelSession
  readonly images: ReadonlyMap<string, ImageRequest>
  /** How they are read. */
  readonly limits?: ImageLimits | undefined
  /** Default 127.0.0.1: this machine alone. */
  readonly host?: string | undefined
  /** 0 takes a free one. */
  readonly port: number
}

type Answer = readonly [status: number, headers: Readonly<Record<string, string>>, body: string | Uint8Array]

const LONGEST_BODY = 1000
const EDGE = 512

/** @throws `label/port` when the port is taken, `serve/page-missing` */
export async function serveLabels({
  session,
  images,
  limits,
  host = '127.0.0.1',
  port,
}: LabelServerOptions): Promise<LabelServer> {
  const page = await readPage((warning) => {
    throw new LookalikeError('serve/page-missing', { problem: warning.message })
  })
  const handle = async (request: IncomingMessage): Promise<Answer> => {
    const { host: asked, origin } = request.headers
    if (foreignPart({ host: asked, origin }, { bound: host }))
      return json(403, { message: 'Only pages of this address may ask.' })
    const url = new URL(request.url ?? '/', 'http://localhost')
    switch (`${request.method} ${url.pathname}`) {
      case 'GET /state':
        return json(200, session.state())
      case 'GET /image': {
        const image = images.get(url.searchParams.get('id') ?? '')
        return image
          ? [
              200,
              { 'content-type': 'image/jpeg', 'cache-control': 'max-age=3600' },
              await thumbnail(image, EDGE, limits),
            ]
          : json(404, { message: 'There is no such image.' })
      }
      case 'POST /answer': {
        const given = await readBody(request)
        return given && isAnswer(given.answer) && Number.isInteger(given.number)
          ? json(200, await session.answer(given.number as number, given.answer))
          : json(400, { message: 'An answer is {"number": 0, "answer": "a" | "b" | "skip"}.' })
      }
      case 'POST /undo':
        return (await readBody(request)) ? json(200, await session.undo()) : json(400, { message: 'Undo is {}.' })
      default: {
        const file = request.method === 'GET' && page.get(url.pathname === '/' ? '/label' : url.pathname)
        return file ? [200, file.headers, file.body] : json(404, { message: 'There is no such page.' })
      }
    }
  }
  const server = createServer((request, response) => {
    handle(request)
      .catch((error: unknown) => json(500, { message: toWarning(error).message }))
      .then(([status, headers, body]) => response.writeHead(status, headers).end(body))
      .catch(() => response.destroy())
  })
  await listen(server, port, host)
  const { port: used } = server.address() as AddressInfo
  return {
    url: `http://${host === '127.0.0.1' ? 'localhost' : host}:${used}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Only JSON: forms of other sites cannot send it. */
async function readBody(request: IncomingMessage): Promise<Record<string, unknown> | undefined> {
  if (!request.headers['content-type']?.startsWith('application/json')) return undefined
  let text = ''
  for await (const chunk of request) {
    text += String(chunk)
    if (text.length > LONGEST_BODY) return undefined
  }
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function isAnswer(value: unknown): value is LabelAnswer {
  return value === 'a' || value === 'b' || value === 'skip'
}

function json(status: number, value: unknown): Answer {
  return [status, { 'content-type': 'application/json', 'cache-control': 'no-store' }, JSON.stringify(value)]
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new LookalikeError(
          'label/port',
          {
            problem: `The page cannot be served at ${host}:${port}: ${cause.message}`,
            fix: 'Choose another port with --port.',
          },
          { fields: { host, port }, cause },
        ),
      ),
    )
    server.listen(port, host, resolve)
  })
}

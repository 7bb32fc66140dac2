import { randomUUID } from 'node:crypto'
import { hideSecretsOfError, isLookalikeError, LookalikeError } from '@lookalike/core'
import { type Context, Hono } from 'hono'
import { routePath } from 'hono/route'
import type { PageFile } from '../page-files.js'
import type { Service } from '../service/create-service.js'
import { apiRoutes } from './api/api-routes.js'
import { describeApi } from './describe-api.js'
import { createGuard, type GuardOptions } from './guard.js'
import { createMetrics } from './metrics.js'
import { type Problem, problemOf } from './problem.js'
import { createBodyBudget } from './read-body.js'
import { mount } from './routes.js'
import { createTurns } from './turns.js'

/** One line of the log. */
export interface RequestRecord {
  readonly time: string
  /** Of the request; its answer has it as `x-request-id`. */
  readonly id: string
  readonly method: string
  /** Without what follows a question mark. */
  readonly path: string
  readonly status: number
  readonly milliseconds: number
  /** Of a request that failed. */
  readonly code?: string
  /** Of one that failed by the server's fault. */
  readonly error?: string | undefined
}

export interface AppOptions extends GuardOptions {
  readonly service: Service
  readonly name: string
  readonly version: string
  /** Bytes of one request. */
  readonly maxBody: number
  readonly originals: boolean
  readonly urls: boolean
  readonly rerankers: readonly string[]
  /** Files for browsers, by path. */
  readonly page?: ReadonlyMap<string, PageFile> | undefined
  readonly onRequest?: ((record: RequestRecord) => void) | undefined
}

export interface App {
  fetch(request: Request, env?: object): Response | Promise<Response>
  /** Requests that are being answered. */
  underWay(): number
  /** From now on, requests are refused with `serve/stopping`. */
  stop(): void
  dispose(): void
  readonly description: Record<string, unknown>
}

/** Bodies that are held at once, as a multiple of what one may have. */
const BODIES = 8

export function createApp(options: AppOptions): App {
  const { service } = options
  const guard = createGuard(options)
  const budget = createBodyBudget({ maxBody: options.maxBody, maxHeld: options.maxBody * BODIES })
  const turn = createTurns()
  let underWay = 0
  let stopping = false
  const metrics = createMetrics(service, budget.held, () => underWay)
  const app = new Hono()
  const ids = new WeakMap<Request, string>()
  const idOf = (context: Context) => ids.get(context.req.raw) ?? ''
  const fail = (context: Context, error: unknown) => {
    const { detail, ...problem } = problemOf(error, idOf(context))
    // Galleries call themselves by where they lie.
    return failure(context, { ...problem, detail: detail.replaceAll(service.gallery.name, options.name) })
  }

  app.use(async (context, next) => {
    const id = randomUUID()
    const start = performance.now()
    ids.set(context.req.raw, id)
    underWay++
    try {
      guard.enter(context)
      if (stopping) throw new LookalikeError('serve/stopping', { problem: 'The server is stopping' })
      if (context.req.method === 'OPTIONS' && context.req.header('access-control-request-method'))
        context.res = context.body(null, 204)
      else await next()
    } catch (error) {
      context.error = error as Error
      context.res = fail(context, error)
    } finally {
      underWay--
    }
    cors(context, options.origins)
    secure(context, id)
    const milliseconds = performance.now() - start
    metrics.observe(routePath(context, -1), context.req.method, context.res.status, milliseconds / 1000)
    const path = guard.withoutTokens(context.req.path).slice(0, 2000)
    options.onRequest?.(recordOf(context, { id, path, milliseconds }))
  })

  const routes = apiRoutes({ ...options, roleOf: guard.roleOf, metrics })
  const description = describeApi(routes, options.version)
  app.get('/api/v1/openapi.json', (context) => context.json(description))
  mount(app, routes, budget, turn, guard.allow)
  for (const [at, { body, headers }] of options.page ?? []) app.get(at, () => new Response(body, { headers }))
  app.notFound((context) => {
    context.error = nothingThere(app, context)
    return fail(context, context.error)
  })
  app.onError((error, context) => fail(context, error))

  return {
    async fetch(request, env) {
      await turn()
      return app.fetch(request, env)
    },
    underWay: () => underWay,
    stop() {
      stopping = true
    },
    dispose: () => metrics.dispose(),
    description,
  }
}

/** What is said of an answer, whatever it is. */
function secure({ res: { headers } }: Context, id: string): void {
  headers.set('x-request-id', id)
  headers.set('x-content-type-options', 'nosniff')
  headers.set('referrer-policy', 'no-referrer')
  if (!headers.has('content-security-policy'))
    headers.set('content-security-policy', "default-src 'none'; frame-ancestors 'none'; sandbox")
  if (!headers.has('cache-control')) headers.set('cache-control', 'no-store')
}

function recordOf(
  { req, res: { status }, error }: Context,
  { id, path, milliseconds }: Pick<RequestRecord, 'id' | 'path' | 'milliseconds'>,
): RequestRecord {
  return {
    time: new Date().toISOString(),
    id,
    method: req.method,
    path,
    status,
    milliseconds: Math.round(milliseconds * 10) / 10,
    ...(error && codeOf(error, status)),
    error: error && status >= 500 ? logged(error) : undefined,
  }
}

/** That work ended because its client left is nobody's fault. */
function codeOf(error: Error, status: number): { code?: string } {
  if (isLookalikeError(error)) return { code: error.code }
  return status === 499 ? {} : { code: 'internal/unexpected' }
}

function nothingThere(app: Hono, { req }: Context): LookalikeError {
  const at = req.path.slice(0, 200)
  const known = app.routes.some(({ path, method }) => method !== 'ALL' && path !== '/*' && pattern(path).test(req.path))
  if (known) return new LookalikeError('serve/method', { problem: `${req.method} is not for ${at}` })
  return new LookalikeError('serve/unknown-route', {
    problem: `There is nothing at ${at}`,
    fix: 'GET /api/v1/openapi.json says what there is.',
  })
}

function failure(context: Context, problem: Problem): Response {
  const left = context.req.raw.signal.aborted
  const status = left ? 499 : problem.status
  const headers: Record<string, string> = { 'content-type': 'application/problem+json' }
  if (status === 401) headers['www-authenticate'] = 'Bearer'
  if (status === 503) headers['retry-after'] = '1'
  // What is left of a body that was refused is not read.
  if (status === 413 || status === 408) headers.connection = 'close'
  return new Response(JSON.stringify({ ...problem, status }), { status, headers })
}

/** An error as the log has it: the stack of what was not foreseen. */
function logged(error: Error): string {
  if (isLookalikeError(error)) return error.message
  const { stack, message } = hideSecretsOfError(error) as Error
  return stack ?? message
}

function cors(context: Context, origins: readonly string[]): void {
  const origin = context.req.header('origin')
  if (origin === undefined || !origins.some((each) => each.toLowerCase() === origin.toLowerCase())) return
  const { headers } = context.res
  headers.set('access-control-allow-origin', origin)
  headers.append('vary', 'origin')
  headers.set('access-control-allow-methods', 'GET, POST, PUT, PATCH, DELETE')
  headers.set('access-control-allow-headers', 'authorization, content-type')
  headers.set('access-control-expose-headers', 'x-request-id')
  headers.set('access-control-max-age', '600')
}

function pattern(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(/[.*+?^$()|[\]\\]/g, '\\$&').replaceAll(/:\w+/g, '[^/]+')}$`)
}

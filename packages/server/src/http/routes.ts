import { type ConfigIssue, describeIssue, type JsonSchema, LookalikeError } from '@lookalike/core'
import type { Context, Hono } from 'hono'
import { z } from 'zod'
import { parseForm } from './parse-form.js'
import { invalid } from './problem.js'
import type { BodyBudget } from './read-body.js'

export type Role = 'none' | 'read' | 'write'

/** What a request brought, checked. */
export interface Given<P, Q, B> {
  readonly params: P
  readonly query: Q
  readonly body: B
  /** Parts named `image` of a multipart request. */
  readonly uploads: readonly Uint8Array[]
  readonly signal: AbortSignal
  readonly context: Context
}

export interface Route<
  P extends z.ZodType = z.ZodType,
  Q extends z.ZodType = z.ZodType,
  B extends z.ZodType = z.ZodType,
> {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** With `{id}` for parameters. */
  readonly path: string
  readonly operationId: string
  readonly summary: string
  /** Who may ask. */
  readonly role: Role
  readonly params?: P
  readonly query?: Q
  /** JSON; with `multipart`, also a form with parts `image` and a part `request` of this JSON. */
  readonly body?: B
  readonly multipart?: boolean
  /** Name of the schema of the answer, or its media type. */
  readonly answer: { readonly schema: z.ZodType } | { readonly type: string }
  handle(given: Given<z.output<P>, z.output<Q>, z.output<B>>): Promise<Response>
}

/** Gives a route its types. */
export const route = <
  P extends z.ZodType = z.ZodType,
  Q extends z.ZodType = z.ZodType,
  B extends z.ZodType = z.ZodType,
>(
  given: Route<P, Q, B>,
): Route => given as unknown as Route

export function mount(
  app: Hono,
  routes: readonly Route[],
  budget: BodyBudget,
  turn: () => Promise<void>,
  enter: (c: Context, role: Role) => void,
) {
  for (const each of routes) {
    const path = each.path.replaceAll(/\{(\w+)\}/g, ':$1')
    app.on(each.method.toUpperCase(), path, async (context) => {
      enter(context, each.role)
      if (each.params) checkEncoding(context.req.path)
      const params = check(each.params, context.req.param(), 'path')
      const query = check(each.query, context.req.query(), 'query')
      const rest = { params, query, signal: context.req.raw.signal, context }
      if (!each.body) return each.handle({ ...rest, body: undefined, uploads: [] })
      const { bytes, release } = await budget.read(context.req.raw)
      try {
        await turn()
        const { json, uploads } = await parse(context, bytes, each.multipart ?? false)
        return await each.handle({ ...rest, body: check(each.body, json, ''), uploads })
      } finally {
        release()
      }
    })
  }
}

/** What does not decode would be taken as it is written: two addresses of one image. */
function checkEncoding(path: string): void {
  try {
    decodeURIComponent(path)
  } catch {
    throw invalid([
      {
        path: 'path',
        problem: 'the address is not percent-encoded UTF-8',
        expected: '%25 for a percent sign, and UTF-8 for what is not ASCII',
      },
    ])
  }
}

const schemas = new WeakMap<z.ZodType, JsonSchema>()

function check<T extends z.ZodType>(schema: T | undefined, given: unknown, base: string): z.output<T> {
  if (!schema) return undefined as z.output<T>
  const result = schema.safeParse(given)
  if (result.success) return result.data
  let described = schemas.get(schema)
  if (!described) {
    described = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema
    schemas.set(schema, described)
  }
  throw invalid(result.error.issues.flatMap((issue) => describeIssue(issue, given, described, base)) as ConfigIssue[])
}

async function parse(
  context: Context,
  bytes: Buffer<ArrayBuffer>,
  multipart: boolean,
): Promise<{ json: unknown; uploads: Uint8Array[] }> {
  const type = context.req.header('content-type') ?? ''
  if (/^application\/json\b/i.test(type)) return { json: parseJson(bytes.toString('utf8')), uploads: [] }
  if (multipart && /^multipart\/form-data\b/i.test(type)) return partsOf(type, bytes)
  throw new LookalikeError('serve/media-type', {
    problem: type ? `The request is ${JSON.stringify(type.slice(0, 100))}` : 'The request says not what it is',
    expected: multipart ? 'application/json or multipart/form-data' : 'application/json',
  })
}

async function partsOf(type: string, bytes: Uint8Array): Promise<{ json: unknown; uploads: Uint8Array[] }> {
  const uploads: Uint8Array[] = []
  let json: unknown = {}
  for (const { name, value } of await parseForm(type, bytes)) {
    if (name === 'image' && typeof value !== 'string') uploads.push(value)
    else if (name === 'request') json = parseJson(typeof value === 'string' ? value : new TextDecoder().decode(value))
    else
      throw invalid([
        {
          path: name.slice(0, 100),
          problem: 'unknown part',
          expected: 'files named "image", and JSON named "request"',
        },
      ])
  }
  return { json, uploads }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw new LookalikeError(
      'serve/json',
      { problem: `The JSON cannot be read: ${cause instanceof Error ? cause.message.slice(0, 200) : String(cause)}` },
      { cause },
    )
  }
}

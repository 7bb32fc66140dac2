import { type ConfigIssue, isLookalikeError, LookalikeError } from '@lookalike/core'

/** An error as RFC 9457 has it. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly instance: string
  readonly issues?: readonly ConfigIssue[] | undefined
}

/** Statuses by code, and by what a code starts with. */
const STATUS: Readonly<Record<string, number>> = {
  'serve/unknown-route': 404,
  'serve/unknown-id': 404,
  'gallery/unknown-id': 404,
  'serve/no-picture': 404,
  'serve/method': 405,
  'serve/unauthorized': 401,
  'serve/forbidden': 403,
  'serve/read-only': 403,
  'serve/foreign-host': 403,
  'serve/foreign-origin': 403,
  'serve/url-refused': 403,
  'image/not-allowed': 403,
  'serve/timeout': 408,
  'gallery/locked': 409,
  'embeddings/space': 409,
  'embeddings/role': 409,
  'embeddings/dim': 409,
  'serve/too-large': 413,
  'image/too-many-bytes': 413,
  'image/too-many-pixels': 413,
  'serve/media-type': 415,
  'image/unsupported': 415,
  'serve/busy': 503,
  'pool/busy': 503,
  'serve/not-ready': 503,
  'serve/stopping': 503,
  'pool/worker-ended': 503,
  'pool/disposed': 503,
  'gallery/closed': 503,
  'gallery/damaged': 503,
  'gallery/unavailable': 503,
  'pool/deadline': 504,
  'image/deadline': 422,
  'gallery/write': 507,
  'serve/no-duplicates': 501,
  'reranker/no-image': 400,
  'gallery/filter': 400,
  'gallery/unknown-key': 400,
  'gallery/page': 400,
  'gallery/item': 400,
}
const AREAS: Readonly<Record<string, number>> = { image: 422, serve: 400, search: 400 }

const TITLES: Readonly<Record<number, string>> = {
  400: 'The request does not fit',
  401: 'A token is needed',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Not allowed here',
  408: 'Too slow',
  409: 'It does not go together',
  413: 'Too large',
  415: 'Not this kind of content',
  422: 'The image cannot be used',
  499: 'The client left',
  500: 'The server failed',
  501: 'Not here',
  503: 'Not now',
  504: 'It took too long',
  507: 'No room',
}

function statusOf(error: unknown): number {
  if (!isLookalikeError(error)) return 500
  return STATUS[error.code] ?? AREAS[error.code.split('/')[0]!] ?? 500
}

/** Of what the server itself got wrong nothing is told but where the log has it: paths and internals are its own. */
const PRIVATE = new Set(['gallery', 'plugin', 'internal', 'encoder', 'index', 'config'])

export function problemOf(error: unknown, instance: string): Problem {
  const status = statusOf(error)
  const code = isLookalikeError(error) ? error.code : 'internal/unexpected'
  const hidden = status >= 500 && PRIVATE.has(code.split('/')[0]!)
  const issues = isLookalikeError(error, 'serve/invalid') ? (error.fields.issues as readonly ConfigIssue[]) : undefined
  return {
    type: `urn:lookalike:${code}`,
    title: TITLES[status] ?? 'It failed',
    status,
    detail: hidden ? `This failed on the server; its log has more under ${instance}.` : (error as Error).message,
    code,
    instance,
    issues,
  }
}

export function invalid(issues: readonly ConfigIssue[]): LookalikeError {
  const [first] = issues
  const where = first?.path ? `${first.path}: ` : ''
  return new LookalikeError(
    'serve/invalid',
    {
      problem: `The request does not fit. ${where}${first?.problem ?? 'something is wrong'}`,
      expected: first?.expected,
      fix: first?.fix,
    },
    { fields: { issues } },
  )
}

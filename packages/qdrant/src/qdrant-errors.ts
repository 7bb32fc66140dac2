import { isLookalikeError, LookalikeError } from '@lookalike/core'

/** What the client throws for an answer that is no good one. */
interface BadAnswer extends Error {
  readonly status: number
  readonly statusText: string
  readonly data: unknown
}

const isBadAnswer = (error: unknown): error is BadAnswer =>
  error instanceof Error && 'status' in error && typeof error.status === 'number'

const FULL = /no space left|(disk|memory) usage is at|max .* limit|out ?of ?memory/i

/** The HTTP status of an answer, 0 for none. */
export const statusOf = (error: unknown): number => (isBadAnswer(error) ? error.status : 0)

/** Whether an answer says that a collection is not there: dropped after a rewrite, say. */
export const isMissing = (error: unknown): boolean =>
  statusOf(error) === 404 && /collection .* (doesn't|does not) exist/i.test(reasonOf(error))

/** Whether an answer says that a point is not there. */
export const isMissingPoint = (error: unknown): boolean =>
  statusOf(error) === 404 && /no point with id/i.test(reasonOf(error))

/** What the server or the network said, as what a gallery throws; other errors stay as they are. */
export function galleryError(name: string, error: unknown, seconds: number): unknown {
  if (isLookalikeError(error) || !(error instanceof Error)) return error
  const made = (code: string, problem: string, fix: string, expected?: string) =>
    new LookalikeError(
      code,
      { problem, fix, expected },
      { fields: { gallery: name, status: statusOf(error) }, cause: error },
    )
  const unavailable = (reason: string, fix = 'Check that it runs, and the address and the key in the environment.') =>
    made('gallery/unavailable', `The gallery ${name} cannot be reached: ${reason}`, fix, 'a Qdrant server that answers')
  if (error.name === 'TimeoutError')
    return unavailable(`no answer in ${seconds} s`, 'Try again later, or set "timeout" higher.')
  if (!isBadAnswer(error)) return isNetworkError(error) ? unavailable(reasonOf(error)) : error
  const { status } = error
  const reason = reasonOf(error)
  if (FULL.test(reason) || status === 413)
    return made('gallery/write', `The gallery ${name} takes nothing more: ${reason}`, 'Make room on the server.')
  if (isMissing(error))
    return made(
      'gallery/damaged',
      `A collection of the gallery ${name} is gone: ${reason}`,
      'Restore it from a snapshot, or index the images into another.',
    )
  if (status === 401 || status === 403)
    return unavailable(`it lets nobody in with this key: ${reason}`, 'Set LOOKALIKE_QDRANT_KEY in the environment.')
  if (status === 408 || status === 429 || status >= 500) return unavailable(reason, 'Try again later.')
  return made(
    'gallery/unavailable',
    `The gallery ${name} cannot be used: ${reason}`,
    'Check that the server is Qdrant 1.16 or newer.',
  )
}

const isNetworkError = (error: Error): boolean =>
  (error instanceof TypeError && /fetch failed|terminated/i.test(error.message)) ||
  /^UND_ERR|^E[A-Z]+$/.test(codeOf(error))

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''

/** The server's own words, or the system's. */
function reasonOf(error: Error): string
function reasonOf(error: unknown): string
function reasonOf(error: unknown): string {
  if (isBadAnswer(error)) {
    const said = (error.data as { readonly status?: { readonly error?: unknown } } | undefined)?.status?.error
    return typeof said === 'string' ? said : `HTTP ${error.status} ${error.statusText}`.trim()
  }
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0])
  if (!(error instanceof Error)) return String(error)
  if (error.cause !== undefined) return reasonOf(error.cause)
  return error.message || codeOf(error)
}

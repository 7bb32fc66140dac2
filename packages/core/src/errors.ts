import { hideSecrets } from './secrets/hide-secrets.js'
import { hideSecretsOfError, hideSecretsOfFields } from './secrets/hide-secrets-of-error.js'

/** The parts that every error's text is built from. */
export interface ErrorText {
  /** What was given and why it does not work; names the file, key or node. */
  problem: string
  /** What would have been accepted. */
  expected?: string | undefined
  /** What the reader can do now. */
  fix?: string | undefined
}

export interface ErrorDetails {
  /** Machine-readable facts: paths, keys, counts. */
  fields?: Readonly<Record<string, unknown>> | undefined
  cause?: unknown
}

const MARK = Symbol.for('lookalike.error')

/**
 * The one error class of Lookalike.
 *
 * `code` is stable (`area/what`, for example `image/corrupt`); the message says what was given, what was expected and
 * what to do. Recognise it with {@link isLookalikeError}, which also works across copies of this package. Names, passwords and tokens of addresses
 * are taken out of the problem, the fields and the cause.
 */
export class LookalikeError extends Error {
  override readonly name = 'LookalikeError'
  readonly code: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly [MARK] = true

  constructor(code: string, text: ErrorText, details: ErrorDetails = {}) {
    const sentences = [hideSecrets(text.problem), text.expected && `Expected: ${text.expected}`, text.fix]
    const message = sentences
      .filter((sentence): sentence is string => Boolean(sentence))
      .map((sentence) => (/[.!?]$/.test(sentence) ? sentence : `${sentence}.`))
      .join(' ')
    super(message, details.cause === undefined ? undefined : { cause: hideSecretsOfError(details.cause) })
    this.code = code
    this.fields = hideSecretsOfFields(details.fields ?? {})
  }

  toJSON(): { code: string; message: string; fields: Readonly<Record<string, unknown>> } {
    return { code: this.code, message: this.message, fields: this.fields }
  }
}

/** True for an error of Lookalike, from whichever copy of this package; with `code`, only for that code. */
export function isLookalikeError(error: unknown, code?: string): error is LookalikeError {
  return (
    typeof error === 'object' &&
    error !== null &&
    (error as Record<symbol, unknown>)[MARK] === true &&
    (code === undefined || (error as { code?: unknown }).code === code)
  )
}

/** Something worth knowing that did not stop the work. Libraries return these; they never print. */
export interface Warning {
  /** Stable, like an error's: `area/what`. */
  readonly code: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** Turns an error into a warning, where the caller chose to go on without the thing that failed. */
export function toWarning(error: unknown, fields: Record<string, unknown> = {}): Warning {
  const own = hideSecretsOfFields(fields)
  if (isLookalikeError(error)) return { code: error.code, message: error.message, fields: { ...error.fields, ...own } }
  const cleaned = hideSecretsOfError(error)
  const message = cleaned instanceof Error ? cleaned.message : String(cleaned)
  return { code: 'internal/unexpected', message, fields: own }
}

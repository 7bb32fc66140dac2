import { hideSecretsOfError, isLookalikeError } from '@lookalike/core'
import colors from 'picocolors'
import { printable } from './printable.js'

/** An error for people: what, what was expected, what to do; the stack only where asked for. */
export function errorText(thrown: unknown, debug: boolean): string {
  const known = isLookalikeError(thrown)
  const error = known ? thrown : hideSecretsOfError(thrown)
  const code = known ? colors.dim(` [${thrown.code}]`) : ''
  const lines = [`${colors.red('error')}: ${printable(messageOf(error), 'keep')}${code}`]
  if (debug && error instanceof Error) lines.push(printable(stackOf(error), 'keep'))
  else if (!known) lines.push('This was not foreseen. Run it again with --debug for the stack, and please report it.')
  return lines.join('\n')
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : ''
  return `${error.stack ?? error.message}${cause}`
}

/** An error as data, for `--json`. */
export function errorJson(error: unknown): unknown {
  if (isLookalikeError(error)) return { error: error.toJSON() }
  return { error: { code: 'internal/unexpected', message: messageOf(hideSecretsOfError(error)), fields: {} } }
}

const messageOf = (error: unknown): string =>
  error instanceof Error || isLookalikeError(error) ? error.message : String(error)

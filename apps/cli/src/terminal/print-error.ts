import { isLookalikeError } from '@lookalike/core'
import colors from 'picocolors'
import { printable } from './printable.js'

/** An error for people: what, what was expected, what to do; the stack only where asked for. */
export function errorText(error: unknown, debug: boolean): string {
  const known = isLookalikeError(error)
  const message = error instanceof Error || known ? (error as Error).message : String(error)
  const lines = [`${colors.red('error')}: ${printable(message, 'keep')}${known ? colors.dim(` [${error.code}]`) : ''}`]
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
  return {
    error: { code: 'internal/unexpected', message: error instanceof Error ? error.message : String(error), fields: {} },
  }
}

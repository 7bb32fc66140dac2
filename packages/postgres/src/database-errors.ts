import { isLookalikeError, LookalikeError } from '@lookalike/core'

/** SQLSTATE, or the system's name of a failed connection. */
export const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''

const NETWORK = /^(ECONN|ENOTFOUND|EAI_|ETIMEDOUT|EHOST|ENET|EPIPE)/
/** Connections, passwords, no such database, too many connections, shutting down, no rights. */
const UNAVAILABLE = /^(08|28|3D000|53300|57P|42501)/
const FULL = /^(53|54000)/
const BROKEN_OFF = /connection (terminated|ended|closed)|timeout exceeded when trying to connect|client was closed/i

/** What a database threw, as what a gallery throws; other errors stay as they are. */
export function galleryError(name: string, error: unknown): unknown {
  if (isLookalikeError(error)) return error
  const code = codeOf(error)
  const text = error instanceof Error ? error.message : ''
  const fields = { gallery: name, code }
  if (NETWORK.test(code) || UNAVAILABLE.test(code) || BROKEN_OFF.test(text))
    return new LookalikeError(
      'gallery/unavailable',
      {
        problem: `The gallery ${name} cannot be reached: ${reasonOf(error)}`,
        expected: 'a PostgreSQL server that lets this user in',
        fix: 'Check that it runs, and the address, user and password in LOOKALIKE_POSTGRES_URL.',
      },
      { fields },
    )
  if (FULL.test(code))
    return new LookalikeError(
      'gallery/write',
      { problem: `The gallery ${name} takes nothing more: ${reasonOf(error)}`, fix: 'Make room on the server.' },
      { fields, cause: error },
    )
  if (code === '42P01')
    return new LookalikeError(
      'gallery/damaged',
      {
        problem: `A table of the gallery ${name} is gone`,
        fix: 'Restore it from a copy, or index the images into another.',
      },
      { fields, cause: error },
    )
  return error
}

/** The database's own words; they name the user at most, never a password. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0])
  return error instanceof Error && error.message !== '' ? error.message : codeOf(error)
}

import { isLookalikeError, LookalikeError } from '@lookalike/core'

/** SQLSTATE, or the system's name of a failed connection. */
export const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''

const NETWORK = /^(ECONN|ENOTFOUND|EAI_|ETIMEDOUT|EHOST|ENET|EPIPE)/
/** Connections, passwords, no such database, too many connections, shutting down, no rights, taking too long or being taken off by an administrator. */
const UNAVAILABLE = /^(08|28|3D000|53300|57|25P0[34]|42501|55P03)/
const FULL = /^(53|54000)/
const BROKEN = /^(XX00[12])/
const BROKEN_OFF =
  /connection (terminated|ended|closed)|connection error|timeout exceeded when trying to connect|client was closed/i

/** What a database threw, as what a gallery throws; other errors stay as they are. */
export function galleryError(name: string, error: unknown): unknown {
  if (isLookalikeError(error)) return error
  const code = codeOf(error)
  const text = error instanceof Error ? error.message : ''
  const made = (as: string, problem: string, fix: string, expected?: string) =>
    new LookalikeError(
      as,
      { problem, fix, expected },
      { fields: { gallery: name, code }, cause: as === 'gallery/unavailable' ? undefined : error },
    )
  const reason = reasonOf(error)
  if (NETWORK.test(code) || UNAVAILABLE.test(code) || (code === '' && BROKEN_OFF.test(text)))
    return made(
      'gallery/unavailable',
      `The gallery ${name} cannot be reached: ${reason}`,
      'Check that it runs, and the address, user and password in LOOKALIKE_POSTGRES_URL.',
      'a PostgreSQL server that lets this user in',
    )
  if (FULL.test(code))
    return made('gallery/write', `The gallery ${name} takes nothing more: ${reason}`, 'Make room on the server.')
  if (code === '25006')
    return made(
      'gallery/write',
      `The gallery ${name} takes no changes: ${reason}`,
      'Use the address of the server that may be written to, or only read here.',
    )
  const restore = 'Restore it from a copy, or index the images into another.'
  if (code === '42P01') return made('gallery/damaged', `A table of the gallery ${name} is gone`, restore)
  if (BROKEN.test(code)) return made('gallery/damaged', `The gallery ${name} is damaged: ${reason}`, restore)
  return error
}

/** The database's own words; they name the user at most, never a password. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0])
  return error instanceof Error && error.message !== '' ? error.message : codeOf(error)
}

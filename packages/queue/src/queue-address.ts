import { LookalikeError } from '@lookalike/core'
import type { RedisOptions } from 'bullmq'

/** A Redis server. */
export interface QueueAddress {
  /** For people: without name and password. */
  readonly name: string
  readonly options: RedisOptions
}

/**
 * What `redis://user:password@host:6379/0` says; `rediss:` for an encrypted connection.
 *
 * @throws `queue/address`
 */
export function parseQueueAddress(text: string): QueueAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const db = url?.pathname.replace(/^\//, '') ?? ''
  if (!url || !/^rediss?:$/.test(url.protocol) || url.hostname === '' || !/^\d*$/.test(db)) throw badAddress(text)
  const { hostname, protocol } = url
  const port = Number(url.port || 6379)
  const secure = protocol === 'rediss:'
  return {
    name: `${protocol}//${hostname}:${port}${db === '' ? '' : `/${db}`}`,
    options: {
      host: hostname.replace(/^\[|\]$/g, ''),
      port,
      ...(db !== '' && { db: Number(db) }),
      ...(url.username !== '' && { username: decodeURIComponent(url.username) }),
      ...(url.password !== '' && { password: decodeURIComponent(url.password) }),
      ...(secure && { tls: {} }),
    },
  }
}

/** The text may hold a password even where it cannot be understood. */
function badAddress(text: string): LookalikeError {
  const shown = text.replace(/^([a-z+]*:\/\/)?.*@/i, '$1***@')
  return new LookalikeError('queue/address', {
    problem: `${JSON.stringify(shown)} is no address of a queue`,
    expected: 'redis://host:6379, redis://user:password@host:6379/0, or rediss:// for an encrypted connection',
  })
}

import { randomBytes } from 'node:crypto'
import { LookalikeError } from '@lookalike/core'
import pg from 'pg'
import type { ConnectedSession, Database, DatabasePlace, Row } from './database.js'

/** Connections of one gallery. */
const CONNECTIONS = 4
const CONNECT_S = 10
/** Statements that a connection prepares; there is one for each shape of a filter, so that their number must end. */
const PREPARED = 200

/**
 * A server, by its address.
 *
 * @param url `postgres://user:password@host:port/database?connect_timeout=10`, in seconds; a secret, which no error repeats
 * @throws `gallery/options` for what is no such address
 */
export function serverPlace(url: string): DatabasePlace {
  const { host, pathname, searchParams } = addressOf(url)
  const seconds = Number(searchParams.get('connect_timeout') ?? CONNECT_S)
  return {
    name: `${host || 'localhost'}${pathname}`,
    connect: async () => {
      const pool = new pg.Pool({
        connectionString: url,
        max: CONNECTIONS,
        connectionTimeoutMillis: seconds * 1000,
        keepAlive: true,
      })
      // A connection that breaks while nobody uses it: the next query says so.
      pool.on('error', () => undefined)
      return poolDatabase(pool)
    },
  }
}

function addressOf(url: string): URL {
  const address = URL.canParse(url) ? new URL(url) : undefined
  if (address && /^postgres(ql)?:$/.test(address.protocol)) return address
  throw new LookalikeError('gallery/options', {
    problem: 'The "url" of the PostgreSQL server is no address of one (it is not shown, since it may hold a password)',
    expected: 'postgres://user:password@host:port/database',
  })
}

function poolDatabase(pool: pg.Pool): Database {
  const prepared = new WeakMap<pg.PoolClient, Namer>()

  const sessionOf = (client: pg.PoolClient): ConnectedSession => {
    const nameOf = prepared.get(client) ?? createNamer()
    prepared.set(client, nameOf)
    const session: ConnectedSession = {
      async query(text, values) {
        // Statements with values are prepared once a connection; those without are commands, which cannot be.
        const name = values && nameOf(text)
        const { rows } = await client.query<Row>({
          text,
          ...(values && { values: [...values] }),
          ...(name && { name }),
        })
        return rows
      },
      async transaction(work) {
        await client.query('BEGIN')
        try {
          const result = await work(session)
          await client.query('COMMIT')
          return result
        } catch (error) {
          await client.query('ROLLBACK')
          throw error
        }
      },
    }
    return session
  }

  const session = async <T>(work: (session: ConnectedSession) => Promise<T>, signal?: AbortSignal): Promise<T> => {
    signal?.throwIfAborted()
    const client = await pool.connect()
    let broken: Error | undefined
    let cancelled: Promise<void> | undefined
    const noteBroken = (error: Error) => {
      broken = error
    }
    const cancel = () => {
      cancelled = cancelQuery(pool, client)
    }
    client.on('error', noteBroken)
    signal?.addEventListener('abort', cancel)
    try {
      return await work(sessionOf(client))
    } catch (error) {
      signal?.throwIfAborted()
      // What went wrong first says more than that nothing can be rolled back any more.
      throw broken ?? error
    } finally {
      signal?.removeEventListener('abort', cancel)
      // Else it could reach what the connection is used for next.
      await cancelled
      client.off('error', noteBroken)
      client.release(broken)
    }
  }
  return {
    session,
    transaction: (work, signal) => session((each) => each.transaction(work), signal),
    query: (text, values, signal) => session((each) => each.query(text, values), signal),
    close: () => pool.end(),
  }
}

/** Ends what a connection waits for, through another one. Where that does not go, the query runs to its end. */
async function cancelQuery(pool: pg.Pool, client: pg.PoolClient): Promise<void> {
  const helper = new pg.Client(pool.options)
  helper.on('error', () => undefined)
  try {
    await helper.connect()
    await helper.query('SELECT pg_cancel_backend($1)', [(client as { processID?: number }).processID])
  } catch {
  } finally {
    await helper.end().catch(() => undefined)
  }
}

/** The name of a prepared statement, undefined for one too many. */
type Namer = (text: string) => string | undefined

/** Names are a connection's own, also where a pooler shares one connection out among several. */
function createNamer(): Namer {
  const names = new Map<string, string>()
  const own = randomBytes(6).toString('hex')
  return (text) => {
    if (!names.has(text) && names.size < PREPARED) names.set(text, `lookalike_${own}_${names.size}`)
    return names.get(text)
  }
}

import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { LookalikeError } from '@lookalike/core'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import type { ConnectedSession, Database, DatabasePlace, Row } from './database.js'

/** Connections of one gallery. */
const CONNECTIONS = 4
const CONNECT_MS = 10_000
/** Bytes handed to the server at a time. */
const CHUNK = 1 << 18

/**
 * A server, by its address.
 *
 * @param url `postgres://user:password@host:port/database`; a secret, which no error repeats
 * @throws `gallery/options` for what is no such address
 */
export function serverPlace(url: string): DatabasePlace {
  const { host, pathname } = addressOf(url)
  return {
    name: `${host || 'localhost'}${pathname}`,
    connect: async () => {
      const pool = new pg.Pool({ connectionString: url, max: CONNECTIONS, connectionTimeoutMillis: CONNECT_MS })
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
  const names = new WeakMap<pg.PoolClient, string>()

  const sessionOf = (client: pg.PoolClient): ConnectedSession => {
    if (!names.has(client)) names.set(client, randomBytes(6).toString('hex'))
    const session: ConnectedSession = {
      async query(text, values) {
        // Statements with values are prepared once a connection; those without are commands, which cannot be.
        const config = values ? { name: nameOf(names.get(client)!, text), text, values: [...values] } : { text }
        return (await client.query<Row>(config)).rows
      },
      copy: (target, bytes) =>
        pipeline(
          Readable.from(chunksOf(bytes)),
          client.query(copyFrom(`COPY ${target} FROM STDIN WITH (FORMAT binary)`)),
        ),
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

  const database: Database = {
    async session(work) {
      const client = await pool.connect()
      let broken: Error | undefined
      const noteBroken = (error: Error) => {
        broken = error
      }
      client.on('error', noteBroken)
      try {
        return await work(sessionOf(client))
      } catch (error) {
        // What went wrong first says more than that nothing can be rolled back any more.
        throw broken ?? error
      } finally {
        client.off('error', noteBroken)
        client.release(broken)
      }
    },
    transaction: (work) => database.session((session) => session.transaction(work)),
    query: (text, values) => database.session((session) => session.query(text, values)),
    close: () => pool.end(),
  }
  return database
}

const nameOf = (client: string, text: string) =>
  `lookalike_${client}_${createHash('sha256').update(text).digest('hex').slice(0, 24)}`

function* chunksOf(bytes: Uint8Array): Generator<Buffer> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at < buffer.length; at += CHUNK) yield buffer.subarray(at, at + CHUNK)
}

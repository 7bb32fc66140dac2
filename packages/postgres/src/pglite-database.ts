import { existsSync } from 'node:fs'
import path from 'node:path'
import type { PGlite, Transaction } from '@electric-sql/pglite'
import type { ConnectedSession, Database, DatabasePlace, Row, Session } from './database.js'
import { lockFile } from './lock-file.js'

interface Shared {
  readonly opened: Promise<PGlite>
  users: number
  /** Of the last user, who closes it. */
  closed?: Promise<void>
}

/** A folder is open once in a process; galleries of it share that. */
const open = new Map<string, Shared>()

/** PostgreSQL inside this process, with its files in a folder. */
export function embeddedPlace(folder: string): DatabasePlace {
  return {
    name: folder,
    connect: async (make) => (make || existsSync(path.join(folder, 'PG_VERSION')) ? connect(folder) : undefined),
  }
}

async function connect(folder: string): Promise<Database> {
  const { pglite, close } = await openPglite(folder)
  try {
    return await pgliteDatabase(pglite, close)
  } catch (error) {
    await close()
    throw error
  }
}

/** The database of a folder, shared by all who open it in this process. */
export async function openPglite(folder: string): Promise<{ pglite: PGlite; close(): Promise<void> }> {
  for (let last = open.get(folder); last?.closed; last = open.get(folder)) await last.closed
  const shared = open.get(folder) ?? { opened: start(folder), users: 0 }
  open.set(folder, shared)
  shared.users++
  const close = async () => {
    if (--shared.users > 0) return
    shared.closed = shared.opened
      .then(
        (pglite) => pglite.close(),
        () => undefined,
      )
      .finally(() => void open.delete(folder))
    await shared.closed
  }
  try {
    return { pglite: await shared.opened, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function start(folder: string): Promise<PGlite> {
  const release = await lockFile(`${folder}.lock`, folder)
  try {
    // A heavy module, which who has a server never loads.
    const [{ PGlite }, { vector }] = await Promise.all([
      import('@electric-sql/pglite'),
      import('@electric-sql/pglite-pgvector'),
    ])
    const pglite = await PGlite.create({ dataDir: folder, extensions: { vector } })
    const close = pglite.close.bind(pglite)
    pglite.close = () => close().finally(release)
    return pglite
  } catch (error) {
    await release()
    throw error
  }
}

async function pgliteDatabase(pglite: PGlite, close: () => Promise<void>): Promise<Database> {
  await pglite.exec('CREATE EXTENSION IF NOT EXISTS vector')
  const { rows } = await pglite.query<{ type: number }>(`SELECT 'vector[]'::regtype::oid::int AS type`)
  // As it is: PGlite sends bytes in the binary format.
  const serializers = { [rows[0]!.type]: (value: unknown) => value as string }
  const sessionOf = (connection: PGlite | Transaction): Session => ({
    async query(text, values) {
      if (values) return (await connection.query<Row>(text, [...values], { serializers })).rows
      return (await connection.exec(text)).at(-1)?.rows ?? []
    },
  })
  const transaction: Database['transaction'] = (work) => pglite.transaction((inner) => work(sessionOf(inner)))
  const session: ConnectedSession = { ...sessionOf(pglite), transaction }
  return {
    session: (work) => work(session),
    transaction: (work) => transaction(work),
    query: (text, values) => session.query(text, values),
    close,
  }
}

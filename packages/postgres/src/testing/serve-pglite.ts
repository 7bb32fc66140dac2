import { PGlite } from '@electric-sql/pglite'
import { vector } from '@electric-sql/pglite-pgvector'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'

export interface ServedPglite {
  readonly url: string
  readonly pglite: PGlite
  close(): Promise<void>
}

/** A PostgreSQL in memory that is spoken to over TCP, as a server is. */
export async function servePglite(): Promise<ServedPglite> {
  const pglite = await PGlite.create({ extensions: { vector } })
  const server = new PGLiteSocketServer({ db: pglite, host: '127.0.0.1', port: 0, maxConnections: 100 })
  const listening = new Promise<{ port: number }>((resolve) =>
    server.addEventListener('listening', (event) => resolve((event as CustomEvent<{ port: number }>).detail)),
  )
  await server.start()
  const { port } = await listening
  return {
    url: `postgres://postgres:secret@127.0.0.1:${port}/postgres?sslmode=disable`,
    pglite,
    async close() {
      await server.stop()
      await pglite.close()
    },
  }
}

import type { PGlite } from '@electric-sql/pglite'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'
import { openPglite } from '../pglite-database.js'

export interface ServedPglite {
  readonly url: string
  readonly pglite: PGlite
  close(): Promise<void>
}

/** The embedded database of a folder, spoken to over TCP as a server is. */
export async function servePglite(folder: string): Promise<ServedPglite> {
  const { pglite, close } = await openPglite(folder)
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
      await close()
    },
  }
}

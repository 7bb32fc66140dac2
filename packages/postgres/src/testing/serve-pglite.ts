import type { PGlite } from '@electric-sql/pglite'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'
import { openPglite } from '../pglite-database.js'

export interface ServedPglite {
  readonly url: string
  readonly pglite: PGlite
  /** Drops all connections and takes none. */
  stop(): Promise<void>
  /** At the same address as before. */
  start(): Promise<void>
  close(): Promise<void>
}

/** The embedded database of a folder, spoken to over TCP as a server is. */
export async function servePglite(folder: string): Promise<ServedPglite> {
  const { pglite, close } = await openPglite(folder)
  let server: PGLiteSocketServer
  let port = 0
  const stop = () => server.stop()
  const start = async () => {
    server = new PGLiteSocketServer({ db: pglite, host: '127.0.0.1', port, maxConnections: 100 })
    const listening = new Promise<{ port: number }>((resolve) =>
      server.addEventListener('listening', (event) => resolve((event as CustomEvent<{ port: number }>).detail)),
    )
    await server.start()
    port = (await listening).port
  }
  await start()
  return {
    url: `postgres://postgres:secret@127.0.0.1:${port}/postgres?sslmode=disable`,
    pglite,
    start,
    stop,
    async close() {
      await stop()
      await close()
    },
  }
}

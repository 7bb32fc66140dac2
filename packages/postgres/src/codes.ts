import type { GalleryCodes } from '@lookalike/core'
import type { Database, Session } from './database.js'

export interface CodesPlace {
  readonly table: string
  readonly reranker: string
  readonly key: string
  readonly database: Database
  run<T>(work: () => Promise<T>): Promise<T>
  change<T>(work: (session: Session) => Promise<T>): Promise<T>
}

const OWN = 'gallery = $1 AND reranker = $2 AND key = $3'

/** Codes of one reranker and key, in the table that all galleries of the database share. */
export function postgresCodes({ table, reranker, key, database, run, change }: CodesPlace): GalleryCodes {
  const own = [table, reranker, key]
  const find = (column: string, hashes: readonly string[]) =>
    run(() =>
      database.query(`SELECT ${column} FROM lookalike_codes WHERE ${OWN} AND hash = ANY ($4::text[])`, [
        ...own,
        hashes,
      ]),
    )
  return {
    async get(hashes) {
      const rows = await find('hash, code', hashes)
      const codes = new Map(rows.map(({ hash, code }) => [hash, Uint8Array.from(code as Uint8Array)]))
      return hashes.map((hash) => codes.get(hash))
    },
    async put(codes) {
      // The last of a hash, as one statement changes a row once.
      const last = [...new Map(codes.map(({ hash, code }) => [hash, code]))]
      if (last.length === 0) return
      await change((session) =>
        session.query(
          `INSERT INTO lookalike_codes (gallery, reranker, key, hash, code)
           SELECT $1, $2, $3, hash, decode(code, 'base64') FROM unnest($4::text[], $5::text[]) AS given (hash, code)
           ON CONFLICT (gallery, reranker, key, hash) DO UPDATE SET code = EXCLUDED.code`,
          [...own, last.map(([hash]) => hash), last.map(([, code]) => Buffer.from(code).toString('base64'))],
        ),
      )
    },
    async missing(hashes) {
      const known = new Set((await find('hash', hashes)).map(({ hash }) => hash))
      return hashes.filter((hash) => !known.has(hash))
    },
    async retain(hashes) {
      const gone = await change((session) =>
        session.query(`DELETE FROM lookalike_codes WHERE ${OWN} AND hash <> ALL ($4::text[]) RETURNING 1 AS gone`, [
          ...own,
          [...hashes],
        ]),
      )
      return gone.length
    },
  }
}

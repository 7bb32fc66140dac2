import { randomBytes } from 'node:crypto'
import type { Embeddings, Rewrite } from '@lookalike/core'
import { checkUncertainty, checkVectors, noSuchGallery } from '@lookalike/core/gallery'
import { vectorArray } from './binary-vectors.js'
import { type ConnectedSession, quoted, type Row, type Session } from './database.js'
import type { GalleryPlace } from './gallery-place.js'
import { ENTRY, entryOf, matrixOf, membersOf, vectorColumns, vectorType } from './gallery-table.js'
import { type Held, readHeld, vectorColumn } from './schema.js'

/** Images that are made anew at a time. */
const BLOCK = 1000

/**
 * Makes all vectors anew beside the old ones, then those of images that came or changed meanwhile, until there are none: then the new column
 * takes the place of the old one in one transaction.
 */
export function rewriteTable(
  { database, name, table }: GalleryPlace,
  held: Held,
  rewrite: Rewrite,
  signal: AbortSignal | undefined,
): Promise<Held> {
  const fresh = quoted(`lookalike_rewrite_${randomBytes(8).toString('hex')}`)
  return database.session(async (session) => {
    await session.query(
      `CREATE TEMPORARY TABLE ${fresh} (id text COLLATE "C" PRIMARY KEY, revision bigint, uncertainty float8, embedding vector(${rewrite.dim}))`,
    )
    try {
      for (;;) {
        await makeAnew(session, { table, fresh }, held, rewrite, signal)
        const done = await session.transaction((inner) => switchOver(inner, { name, table, fresh }, held, rewrite))
        if (done) return done
      }
    } finally {
      await session.query(`DROP TABLE IF EXISTS ${fresh}`)
    }
  })
}

/** New vectors of all images that have none, or have changed since they got one. */
async function makeAnew(
  session: ConnectedSession,
  { table, fresh }: { readonly table: string; readonly fresh: string },
  held: Held,
  { space, dim, transform }: Rewrite,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (;;) {
    signal?.throwIfAborted()
    const columns = vectorColumns(held, { own: true, members: true })
    const rows = await session.query(
      `SELECT ${ENTRY}, revision::text${columns} FROM ${quoted(table)} AS own
       WHERE ${missingFrom(fresh)} ORDER BY id LIMIT ${BLOCK}`,
    )
    if (rows.length === 0) return
    const { embeddings, uncertainty } = await transform({
      entries: rows.map(entryOf),
      embeddings: matrixOf(rows, 'own', held.space, held.dim),
      members: membersOf(held, rows),
    })
    checkUncertainty(uncertainty, rows.length)
    const [made] = checkVectors({ space, dim, members: [] }, { embeddings }, rows.length)
    await keep(session, fresh, rows, uncertainty, made!)
  }
}

const missingFrom = (fresh: string) =>
  `NOT EXISTS (SELECT FROM ${fresh} AS new WHERE new.id = own.id AND new.revision = own.revision)`

async function keep(
  session: Session,
  fresh: string,
  rows: readonly Row[],
  uncertainty: ArrayLike<number> | undefined,
  made: Embeddings,
): Promise<void> {
  await session.query(
    `INSERT INTO ${fresh} (id, revision, uncertainty, embedding)
     SELECT * FROM unnest($1::text[], $2::text[]::bigint[], $3::float8[], $4::vector[])
     ON CONFLICT (id) DO UPDATE SET
       revision = EXCLUDED.revision, uncertainty = EXCLUDED.uncertainty, embedding = EXCLUDED.embedding`,
    [
      rows.map(({ id }) => id),
      rows.map(({ revision }) => revision),
      rows.map((_, i) => uncertainty?.[i] ?? null),
      vectorArray(await vectorType(session), made, 0, rows.length),
    ],
  )
}

/** @returns undefined where images have changed meanwhile */
async function switchOver(
  session: Session,
  { name, table, fresh }: { readonly name: string; readonly table: string; readonly fresh: string },
  held: Held,
  { space, dim }: Rewrite,
): Promise<Held | undefined> {
  const now = await readHeld(session, table, true)
  if (!now) throw noSuchGallery(name)
  const from = quoted(table)
  const late = await session.query(`SELECT FROM ${from} AS own WHERE ${missingFrom(fresh)} LIMIT 1`)
  if (late.length > 0) return undefined
  const generation = held.generation + 1
  const column = vectorColumn(generation)
  await session.query(`ALTER TABLE ${from} ADD COLUMN ${column} vector(${dim})`)
  await session.query(
    `UPDATE ${from} AS own SET ${column} = new.embedding, uncertainty = coalesce(new.uncertainty, own.uncertainty)
     FROM ${fresh} AS new WHERE new.id = own.id`,
  )
  await session.query(
    `ALTER TABLE ${from} ALTER COLUMN ${column} SET NOT NULL, DROP COLUMN ${vectorColumn(held.generation)}`,
  )
  await session.query(
    `UPDATE lookalike_galleries SET space = $2, dim = $3::int, generation = $4::int, revision = revision + 1 WHERE name = $1`,
    [table, space, dim, generation],
  )
  return readHeld(session, table)
}

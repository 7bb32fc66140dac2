import { type GalleryDescription, type GalleryMember, LookalikeError } from '@lookalike/core'
import { type Database, quoted, type Session } from './database.js'
import { codeOf } from './database-errors.js'

/** What the database says of a gallery. */
export interface Held extends GalleryDescription {
  /** Counts changes. */
  readonly revision: string
  /** Of the searched vectors: each rewrite makes a new column, so that nobody takes the vectors of one space for another's. */
  readonly generation: number
}

/** The searched vectors of a generation. */
export const vectorColumn = (generation: number): string => `embedding_${generation}`
/** The vectors of a member, by its place. */
export const memberColumn = (place: number): string => `member_${place}`
export const indexName = (table: string, what: string): string => quoted(`${table}_${what}`)

/** Steps from one version of the tables to the next; a database is of the version that is their number. Never changed, only added to. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE lookalike_galleries (
     name text PRIMARY KEY, space text NOT NULL, dim integer NOT NULL, members jsonb NOT NULL,
     generation integer NOT NULL DEFAULT 1, revision bigint NOT NULL DEFAULT 0
   );
   CREATE TABLE lookalike_codes (
     gallery text NOT NULL, reranker text NOT NULL, key text NOT NULL, hash text NOT NULL, code bytea NOT NULL,
     PRIMARY KEY (gallery, reranker, key, hash)
   );`,
]
/** Of an advisory lock: whoever makes tables is alone. */
const LOCK = 4_918_273_645

const HELD = 'SELECT space, dim, members, generation, revision::text FROM lookalike_galleries WHERE name = $1'

/** The version of the tables; undefined where there are none. */
async function readVersion(session: Session): Promise<number | undefined> {
  const [found] = await session.query(`SELECT to_regclass('lookalike_schema') IS NOT NULL AS there`, [])
  if (!found?.['there']) return undefined
  const [row] = await session.query('SELECT version FROM lookalike_schema', [])
  return Number(row?.['version'])
}

/** What is there, if it can be read. @throws `gallery/version` */
export async function findHeld(session: Session, name: string, table: string): Promise<Held | undefined> {
  const version = await readVersion(session)
  if (version === undefined) return undefined
  if (version !== MIGRATIONS.length) throw otherVersion(name, version)
  return readHeld(session, table)
}

/** @param forChange keeps other writers waiting until the transaction ends */
export async function readHeld(session: Session, table: string, forChange = false): Promise<Held | undefined> {
  const [row] = await session.query(forChange ? `${HELD} FOR UPDATE` : HELD, [table])
  return (
    row && {
      space: row['space'] as string,
      dim: row['dim'] as number,
      members: row['members'] as GalleryMember[],
      generation: row['generation'] as number,
      revision: row['revision'] as string,
    }
  )
}

/** Brings the tables up to this version of the package. @throws `gallery/version`, `gallery/unavailable` without pgvector */
async function migrate(session: Session, name: string): Promise<void> {
  await createExtension(session, name)
  await session.query('CREATE TABLE IF NOT EXISTS lookalike_schema (version integer NOT NULL)')
  const [row] = await session.query('SELECT version FROM lookalike_schema', [])
  const version = Number(row?.['version'] ?? 0)
  if (version > MIGRATIONS.length) throw otherVersion(name, version)
  if (version === MIGRATIONS.length) return
  for (const step of MIGRATIONS.slice(version)) await session.query(step)
  await session.query('DELETE FROM lookalike_schema')
  await session.query('INSERT INTO lookalike_schema VALUES ($1::int)', [MIGRATIONS.length])
}

async function createExtension(session: Session, name: string): Promise<void> {
  try {
    await session.query('CREATE EXTENSION IF NOT EXISTS vector')
  } catch (error) {
    if (!/^(0A000|58P01|42501|42704)$/.test(codeOf(error))) throw error
    throw new LookalikeError(
      'gallery/unavailable',
      {
        problem: `The database of ${name} has no pgvector, and this user cannot add it`,
        expected: 'the extension "vector", from version 0.5',
        fix: 'Install pgvector on the server, and run CREATE EXTENSION vector as its administrator.',
      },
      { fields: { gallery: name }, cause: error },
    )
  }
}

/**
 * The gallery of a table, made if it is not there.
 *
 * @param wanted undefined makes none
 * @throws `gallery/taken` when the table is something else's, `gallery/version`
 */
export function makeHeld(
  database: Database,
  name: string,
  table: string,
  wanted: GalleryDescription | undefined,
): Promise<Held | undefined> {
  return database.transaction(async (session) => {
    await session.query(`SELECT pg_advisory_xact_lock(${LOCK})`)
    const version = await readVersion(session)
    if (version === undefined && !wanted) return undefined
    if (version !== MIGRATIONS.length) await migrate(session, name)
    const held = await readHeld(session, table)
    if (held || !wanted) return held
    const [found] = await session.query('SELECT to_regclass($1::text) IS NOT NULL AS taken', [quoted(table)])
    if (found?.['taken']) throw takenTable(name, table)
    await createTable(session, table, wanted)
    return readHeld(session, table)
  })
}

async function createTable(
  session: Session,
  table: string,
  { space, dim, members }: GalleryDescription,
): Promise<void> {
  const columns = members.map((member, i) => `, ${memberColumn(i)} vector(${member.dim}) NOT NULL`)
  await session.query(
    `CREATE TABLE ${quoted(table)} (
       id text COLLATE "C" PRIMARY KEY, hash text NOT NULL, metadata jsonb, uncertainty float8,
       rejected boolean NOT NULL, source text, box jsonb, revision bigint NOT NULL DEFAULT 0,
       ${vectorColumn(1)} vector(${dim}) NOT NULL${columns.join('')}
     );
     CREATE INDEX ${indexName(table, 'metadata')} ON ${quoted(table)} USING gin (metadata);
     CREATE INDEX ${indexName(table, 'source')} ON ${quoted(table)} USING hash (source);`,
  )
  await session.query(
    'INSERT INTO lookalike_galleries (name, space, dim, members) VALUES ($1, $2, $3::int, $4::text::jsonb)',
    [table, space, dim, JSON.stringify(members)],
  )
}

const otherVersion = (name: string, version: number) =>
  new LookalikeError(
    'gallery/version',
    {
      problem: `The tables of ${name} are of version ${version}`,
      expected: `version ${MIGRATIONS.length}, which this version of @lookalike/postgres makes`,
      fix:
        version > MIGRATIONS.length
          ? 'Install a newer version of @lookalike/postgres.'
          : 'Open a gallery of this database for writing once: that brings them up to date.',
    },
    { fields: { gallery: name, version } },
  )

const takenTable = (name: string, table: string) =>
  new LookalikeError(
    'gallery/taken',
    {
      problem: `There is a table "${table}" already that is no gallery (${name})`,
      expected: 'the name of a gallery, or of nothing yet',
      fix: 'Choose another "table".',
    },
    { fields: { gallery: name, table } },
  )

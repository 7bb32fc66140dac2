import path from 'node:path'
import type { Gallery, GalleryChange, GalleryPage, GalleryPageOptions } from '@lookalike/core'
import {
  checkChanges,
  checkIds,
  checkItems,
  checkQueries,
  checkVectors,
  findVectors,
  mergeChanges,
  noSuchPage,
  unknownImage,
} from '@lookalike/core/gallery'
import { postgresCodes } from './codes.js'
import { quoted, type Session } from './database.js'
import { codeOf, galleryError } from './database-errors.js'
import type { GalleryPlace } from './gallery-place.js'
import {
  addRows,
  checkRows,
  conditionOf,
  createValues,
  ENTRY,
  entryOf,
  matrixOf,
  membersOf,
  vectorColumns,
} from './gallery-table.js'
import { rewriteTable } from './rewrite-table.js'
import { type Held, memberColumn } from './schema.js'
import { buildIndex, searchTable } from './search-table.js'
import { checkStorable, isStorable } from './storable.js'
import { createTableWork, type TableWork } from './table-work.js'

/** Rows that `verify` reads at a time. */
const BLOCK = 1000
/** What pages start with, so that any other text is known to be none. */
const PAGE = 'after:'

/** An open gallery of one table. */
export function postgresGallery(place: GalleryPlace, found: Held): Gallery {
  const work = createTableWork(place, found)
  const root = path.resolve(place.opening.root ?? '.')
  return {
    name: place.name,
    root,
    base: root,
    warnings: [],
    capabilities: { approximate: true, filters: 'before', writers: 'many', transactions: true },
    get space() {
      return work.held.space
    },
    get dim() {
      return work.held.dim
    },
    get members() {
      return work.held.members
    },
    ...createLooks(work),
    ...createChanges(work),
    ...createUpkeep(work),
  }
}

type Looks = Pick<Gallery, 'count' | 'get' | 'findSources' | 'page' | 'search' | 'vectors' | 'codes'>

/** What changes nothing, but for codes. */
function createLooks({ place, run, read, change }: TableWork): Looks {
  const { database, name, table, exactBelow } = place
  const from = quoted(table)
  const find = (condition: string, values: readonly string[]) =>
    database.query(`SELECT ${ENTRY} FROM ${from} WHERE ${condition} = ANY ($1::text[])`, [values.filter(isStorable)])
  return {
    count: (selection = {}) =>
      run(async () => {
        const { values, bind } = createValues()
        const condition = await conditionOf(database, name, table, selection, bind)
        const [row] = await database.query(`SELECT count(*)::float8 AS count FROM ${from} WHERE ${condition}`, values)
        return Number(row?.['count'])
      }),
    get: (ids) =>
      run(async () => {
        checkIds(ids)
        const entries = new Map((await find('id', ids)).map((row) => [row['id'], entryOf(row)]))
        return ids.map((id) => entries.get(id))
      }),
    findSources: (sources) => run(async () => (await find('source', sources)).map(entryOf)),
    page: (options = {}) => read((now) => readPage(place, now, options)),
    search: (queries, k, options = {}) =>
      read(async (now) => {
        options.signal?.throwIfAborted()
        return searchTable(database, place, now, checkQueries(now, queries, k), k, exactBelow, options)
      }),
    vectors: (ids, member) => read((now) => readVectors(place, now, ids, member)),
    codes: (reranker, key) => postgresCodes({ table, reranker, key, database, run, change }),
  }
}

/** @throws `gallery/page` for what is no page of this gallery */
async function readPage(
  { database, name, table }: GalleryPlace,
  held: Held,
  { after, limit = 1000, withVectors = false, withMembers = false, signal, ...selection }: GalleryPageOptions,
): Promise<GalleryPage> {
  signal?.throwIfAborted()
  if (after !== undefined && (!after.startsWith(PAGE) || !isStorable(after))) throw noSuchPage(name, after)
  const { values, bind } = createValues()
  const condition = await conditionOf(database, name, table, selection, bind)
  const start = after === undefined ? '' : ` AND id > ${bind(after.slice(PAGE.length))}`
  const columns = vectorColumns(held, { own: withVectors, members: withMembers })
  const rows = await database.query(
    `SELECT ${ENTRY}${columns} FROM ${quoted(table)} WHERE ${condition}${start} ORDER BY id LIMIT ${bind(limit + 1)}::int`,
    values,
    signal,
  )
  const shown = rows.slice(0, limit)
  return {
    entries: shown.map(entryOf),
    embeddings: withVectors ? matrixOf(shown, 'own', held.space, held.dim) : undefined,
    members: withMembers ? membersOf(held, shown) : undefined,
    next: rows.length > limit ? `${PAGE}${String(shown.at(-1)?.['id'])}` : undefined,
  }
}

/** @throws `gallery/unknown-id`, `gallery/member` */
async function readVectors(
  { database, name, table }: GalleryPlace,
  held: Held,
  ids: readonly string[],
  member: string | undefined,
) {
  checkIds(ids)
  const { at, space, dim } = findVectors(name, held, member)
  const columns = vectorColumns(held, { own: at === 0, members: at > 0 })
  const rows = await database.query(`SELECT id${columns} FROM ${quoted(table)} WHERE id = ANY ($1::text[])`, [
    ids.filter(isStorable),
  ])
  const byId = new Map(rows.map((row) => [row['id'], row]))
  const wanted = ids.map((id) => {
    const row = byId.get(id)
    if (!row) throw unknownImage(name, id)
    return row
  })
  return matrixOf(wanted, at === 0 ? 'own' : memberColumn(at - 1), space, dim)
}

type Changes = Pick<Gallery, 'add' | 'update' | 'remove' | 'rewrite'>

/** What changes images and vectors. */
function createChanges(work: TableWork): Changes {
  const { place, run, change } = work
  const { database, table, exactBelow } = place
  return {
    add: (items, vectors, { signal } = {}) =>
      run(async () => {
        signal?.throwIfAborted()
        checkItems(items)
        checkStorable(items)
        checkVectors(work.held, vectors, items.length)
        if (items.length === 0) return
        await change((session, now) => addRows(session, table, now, items, vectors))
      }),
    update: (changes) =>
      run(async () => {
        checkChanges(changes)
        checkStorable(changes)
        if (changes.length === 0) return
        await change((session, now) => updateRows(session, place, now, changes))
      }),
    remove: (ids) =>
      run(async () => {
        checkIds(ids)
        if (ids.length === 0) return 0
        const text = `DELETE FROM ${quoted(table)} WHERE id = ANY ($1::text[]) RETURNING 1 AS gone`
        return change(async (session) => (await session.query(text, [ids.filter(isStorable)])).length)
      }),
    rewrite: (wanted, { signal } = {}) =>
      run(async () => {
        work.checkWriter()
        work.held = await rewriteTable(place, await work.reload(), wanted, signal)
        work.seen = work.held.revision
        await buildIndex(database, place, work.held, exactBelow, signal)
      }),
  }
}

type Upkeep = Pick<Gallery, 'prepare' | 'refresh' | 'compact' | 'verify' | 'close'>

function createUpkeep(work: TableWork): Upkeep {
  const { place, run, read } = work
  const { database, name, table, opening, exactBelow } = place
  const from = quoted(table)
  const readBlock = (now: Held, after: string) =>
    database.query(
      `SELECT id${vectorColumns(now, { own: true, members: true })} FROM ${from} WHERE id > $1 ORDER BY id LIMIT ${BLOCK}`,
      [after],
    )
  return {
    prepare: ({ signal } = {}) =>
      run(async () => {
        signal?.throwIfAborted()
        if (opening.mode !== 'read') await buildIndex(database, place, await work.reload(), exactBelow, signal)
      }),
    refresh: () =>
      run(async () => {
        const { revision } = await work.reload()
        const news = revision !== work.seen
        work.seen = revision
        return news
      }),
    compact: ({ signal } = {}) =>
      run(async () => {
        signal?.throwIfAborted()
        work.checkWriter()
        await database.query(`VACUUM (ANALYZE) ${from}`, undefined, signal)
      }),
    verify: async ({ signal } = {}) => {
      let after = ''
      for (;;) {
        signal?.throwIfAborted()
        const rows = await read((now) => readBlock(now, after))
        if (rows.length === 0) return
        checkRows(name, work.held, rows)
        after = rows.at(-1)?.['id'] as string
      }
    },
    close: () =>
      (work.closing ??= (async () => {
        try {
          if (work.changed) await buildIndex(database, place, work.held, exactBelow)
        } catch (error) {
          // The next one to prepare it makes the graph; without, searches are exact.
          if (codeOf(error) === '') throw galleryError(name, error)
        } finally {
          await database.close()
        }
      })()),
  }
}

/** @throws `gallery/unknown-id` */
async function updateRows(
  session: Session,
  { name, table }: GalleryPlace,
  { revision }: Held,
  changes: readonly GalleryChange[],
): Promise<void> {
  const all = mergeChanges(changes)
  const column = (of: (change: GalleryChange) => unknown) => all.map((change) => of(change) ?? null)
  const updated = await session.query(
    `UPDATE ${quoted(table)} AS own SET
       metadata = coalesce(new.metadata::jsonb, own.metadata), uncertainty = coalesce(new.uncertainty, own.uncertainty),
       rejected = coalesce(new.rejected, own.rejected), source = coalesce(new.source, own.source),
       revision = $6::text::bigint
     FROM unnest($1::text[], $2::text[], $3::float8[], $4::boolean[], $5::text[])
       AS new (id, metadata, uncertainty, rejected, source)
     WHERE own.id = new.id RETURNING own.id`,
    [
      column(({ id }) => id),
      column(({ metadata }) => metadata && JSON.stringify(metadata)),
      column(({ uncertainty }) => uncertainty),
      column(({ rejected }) => rejected),
      column(({ source }) => source),
      revision,
    ],
  )
  const known = new Set(updated.map(({ id }) => id))
  const missing = all.find(({ id }) => !known.has(id))
  if (missing) throw unknownImage(name, missing.id)
}

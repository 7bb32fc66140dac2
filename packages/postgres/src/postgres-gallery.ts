import path from 'node:path'
import type { Gallery, GalleryChange } from '@lookalike/core'
import {
  checkChanges,
  checkHeld,
  checkIds,
  checkItems,
  checkQueries,
  checkVectors,
  closedGallery,
  findMember,
  noSuchGallery,
  noSuchPage,
  readOnlyGallery,
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
import { findHeld, type Held, memberColumn, readHeld } from './schema.js'
import { buildIndex, searchTable } from './search-table.js'
import { checkStorable, isStorable } from './storable.js'

/** Rows that `verify` reads at a time. */
const BLOCK = 1000
/** What pages start with, so that any other text is known to be none. */
const PAGE = 'after:'

/** An open gallery of one table. */
export function postgresGallery(place: GalleryPlace, found: Held): Gallery {
  const { database, name, table, opening, exactBelow } = place
  const from = quoted(table)
  const root = path.resolve(opening.root ?? '.')
  let held = found
  /** Of what the reader has seen. */
  let seen = found.revision
  let changed = false
  let closing: Promise<void> | undefined

  const run = async <T>(work: () => Promise<T>): Promise<T> => {
    if (closing) throw closedGallery(name)
    try {
      return await work()
    } catch (error) {
      throw galleryError(name, error)
    }
  }
  const reload = async (session: Session): Promise<Held> => {
    const now = await findHeld(session, name, table)
    if (!now) throw noSuchGallery(name)
    checkHeld(name, now, { space: held.space, dim: held.dim })
    return (held = now)
  }
  /** Reads vectors; where a rewrite has taken their column away, it looks whether they are of the same space still. */
  const read = <T>(work: (now: Held) => Promise<T>): Promise<T> =>
    run(async () => {
      try {
        return await work(held)
      } catch (error) {
        if (codeOf(error) !== '42703') throw error
        return work(await reload(database))
      }
    })
  /** A change, alone with the gallery: other writers wait. */
  const change = <T>(work: (session: Session, now: Held) => Promise<T>): Promise<T> =>
    run(async () => {
      if (opening.mode === 'read') throw readOnlyGallery(name)
      return database.transaction(async (session) => {
        const before = await readHeld(session, table, true)
        if (!before) throw noSuchGallery(name)
        const [row] = await session.query(
          'UPDATE lookalike_galleries SET revision = revision + 1 WHERE name = $1 RETURNING revision::text',
          [table],
        )
        const result = await work(session, { ...before, revision: row?.['revision'] as string })
        changed = true
        return result
      })
    })

  const gallery: Gallery = {
    name,
    root,
    base: root,
    warnings: [],
    capabilities: { approximate: true, filters: 'before', writers: 'many', transactions: true },
    get space() {
      return held.space
    },
    get dim() {
      return held.dim
    },
    get members() {
      return held.members
    },
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
        const rows = await database.query(`SELECT ${ENTRY} FROM ${from} WHERE id = ANY ($1::text[])`, [
          ids.filter(isStorable),
        ])
        const entries = new Map(rows.map((row) => [row['id'], entryOf(row)]))
        return ids.map((id) => entries.get(id))
      }),
    findSources: (sources) =>
      run(async () => {
        const wanted = [sources.filter(isStorable)]
        return (await database.query(`SELECT ${ENTRY} FROM ${from} WHERE source = ANY ($1::text[])`, wanted)).map(
          entryOf,
        )
      }),
    page: ({ after, limit = 1000, withVectors = false, withMembers = false, signal, ...selection } = {}) =>
      read(async (now) => {
        signal?.throwIfAborted()
        if (after !== undefined && (!after.startsWith(PAGE) || !isStorable(after))) throw noSuchPage(name, after)
        const { values, bind } = createValues()
        const condition = await conditionOf(database, name, table, selection, bind)
        const start = after === undefined ? '' : ` AND id > ${bind(after.slice(PAGE.length))}`
        const columns = vectorColumns(now, { own: withVectors, members: withMembers })
        const rows = await database.query(
          `SELECT ${ENTRY}${columns} FROM ${from} WHERE ${condition}${start} ORDER BY id LIMIT ${bind(limit + 1)}::int`,
          values,
          signal,
        )
        const shown = rows.slice(0, limit)
        return {
          entries: shown.map(entryOf),
          ...(withVectors && { embeddings: matrixOf(shown, 'own', now.space, now.dim) }),
          ...(withMembers && { members: membersOf(now, shown) }),
          ...(rows.length > limit && { next: `${PAGE}${String(shown.at(-1)?.['id'])}` }),
        }
      }),
    add: (items, vectors, { signal } = {}) =>
      run(async () => {
        signal?.throwIfAborted()
        checkItems(items)
        checkStorable(items)
        checkVectors(held, vectors, items.length)
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
        return change(async (session) => {
          const wanted = [ids.filter(isStorable)]
          return (await session.query(`DELETE FROM ${from} WHERE id = ANY ($1::text[]) RETURNING 1 AS gone`, wanted))
            .length
        })
      }),
    search: (queries, k, options = {}) =>
      read(async (now) => {
        options.signal?.throwIfAborted()
        return searchTable(database, place, now, checkQueries(now, queries, k), k, exactBelow, options)
      }),
    vectors: (ids, member) =>
      read(async (now) => {
        checkIds(ids)
        const { space, dim } = member === undefined ? now : findMember(name, now, member)
        const at = now.members.findIndex((each) => each.name === member)
        const columns = vectorColumns(now, { own: at < 0, members: at >= 0 })
        const rows = await database.query(`SELECT id${columns} FROM ${from} WHERE id = ANY ($1::text[])`, [
          ids.filter(isStorable),
        ])
        const byId = new Map(rows.map((row) => [row['id'], row]))
        const wanted = ids.map((id) => {
          const row = byId.get(id)
          if (!row) throw unknownImage(name, id)
          return row
        })
        return matrixOf(wanted, at < 0 ? 'own' : memberColumn(at), space, dim)
      }),
    codes: (reranker, key) => postgresCodes({ table, reranker, key, database, run, change }),
    prepare: ({ signal } = {}) =>
      run(async () => {
        signal?.throwIfAborted()
        if (opening.mode !== 'read') await buildIndex(database, place, await reload(database), exactBelow, signal)
      }),
    rewrite: (wanted, { signal } = {}) =>
      run(async () => {
        if (opening.mode === 'read') throw readOnlyGallery(name)
        held = await rewriteTable(place, await reload(database), wanted, signal)
        seen = held.revision
        await buildIndex(database, place, held, exactBelow, signal)
      }),
    refresh: () =>
      run(async () => {
        const { revision } = await reload(database)
        const news = revision !== seen
        seen = revision
        return news
      }),
    compact: ({ signal } = {}) =>
      run(async () => {
        signal?.throwIfAborted()
        if (opening.mode === 'read') throw readOnlyGallery(name)
        await database.query(`VACUUM (ANALYZE) ${from}`, undefined, signal)
      }),
    verify: async ({ signal } = {}) => {
      let after = ''
      for (;;) {
        signal?.throwIfAborted()
        const rows = await read((now) => readBlock(now, after))
        if (rows.length === 0) return
        checkRows(name, held, rows)
        after = rows.at(-1)?.['id'] as string
      }
    },
    close: () =>
      (closing ??= (async () => {
        try {
          if (changed) await buildIndex(database, place, held, exactBelow)
        } catch (error) {
          // The next one to prepare it makes the graph; without, searches are exact.
          if (codeOf(error) === '') throw galleryError(name, error)
        } finally {
          await database.close()
        }
      })()),
  }
  const readBlock = (now: Held, after: string) =>
    database.query(
      `SELECT id${vectorColumns(now, { own: true, members: true })} FROM ${from} WHERE id > $1 ORDER BY id LIMIT ${BLOCK}`,
      [after],
    )
  return gallery
}

/** Later changes of an image count more. */
async function updateRows(
  session: Session,
  { name, table }: GalleryPlace,
  { revision }: Held,
  changes: readonly GalleryChange[],
): Promise<void> {
  const merged = new Map<string, GalleryChange>()
  for (const change of changes) {
    const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
    merged.set(change.id, { ...merged.get(change.id), ...given, id: change.id })
  }
  const all = [...merged.values()]
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

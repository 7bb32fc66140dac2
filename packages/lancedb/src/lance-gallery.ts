import path from 'node:path'
import type { Connection, Table } from '@lancedb/lancedb'
import type { Gallery, GalleryChange, GalleryItem, GalleryVectors, OpenGalleryOptions, Warning } from '@lookalike/core'
import { createEmbeddings } from '@lookalike/core'
import {
  checkChanges,
  checkHeld,
  checkIds,
  checkItems,
  checkQueries,
  checkStorable,
  checkVectors,
  closedGallery,
  findMember,
  noSuchGallery,
  readOnlyGallery,
  unknownImage,
} from '@lookalike/core/gallery'
import { matrixData, tableOf } from './arrow.js'
import { lanceCodes } from './codes.js'
import { quotedText } from './compile-filter.js'
import { filterFields, keyOf } from './filter-columns.js'
import { type Held, memberColumn, readHeld, uncertaintyColumn, vectorColumn } from './held.js'
import { galleryError, isMissing } from './lance-errors.js'
import { byId, conditionOf, findRows } from './lance-table.js'
import { createPages } from './pages.js'
import { rewriteTable } from './rewrite-table.js'
import { entriesOf, entryColumns, itemColumns } from './rows.js'
import { buildIndex, createTableSearch, type SearchSettings } from './search-table.js'

export interface GalleryPlace {
  readonly connection: Connection
  readonly table: Table
  readonly name: string
  readonly opening: OpenGalleryOptions
  readonly settings: SearchSettings
  /** What was found when it opened. */
  readonly warnings: readonly Warning[]
  /** Called before each change. */
  check(): void
  /** Called in the end. */
  release(): void
}

/** Rows that `verify` reads at a time. */
const BLOCK = 1000
/** How long versions stay for those who read them, when room is made. */
const KEPT_MS = 3_600_000

/** An open gallery of one table. */
export function lanceGallery(place: GalleryPlace, found: Held): Gallery {
  const { connection, table, name, opening, settings } = place
  const root = path.resolve(opening.root ?? '.')
  let held = found
  let changed = false
  let closing: Promise<void> | undefined
  let last: Promise<unknown> = Promise.resolve()

  const run = async <T>(work: () => Promise<T>): Promise<T> => {
    if (closing) throw closedGallery(name)
    try {
      return await work()
    } catch (error) {
      throw galleryError(name, error)
    }
  }
  /** Reads vectors; where a rewrite has taken their column away meanwhile, those of the new one, if they are of the same space still. */
  const read = <T>(work: (now: Held) => Promise<T>): Promise<T> =>
    run(async () => {
      const before = held
      try {
        return await work(before)
      } catch (error) {
        if (held === before) throw error
        checkHeld(name, held, { space: before.space, dim: before.dim })
        return work(held)
      }
    })
  /** Changes follow each other. */
  const change = <T>(work: () => Promise<T>): Promise<T> =>
    run(() => {
      if (opening.mode === 'read') throw readOnlyGallery(name)
      const turn = last.then(() => {
        place.check()
        changed = true
        return work()
      })
      last = turn.catch(() => undefined)
      return turn
    })
  const reload = async () => {
    held = await readHeld(name, table)
  }
  const pages = createPages({ connection, table, name })
  const searches = createTableSearch(table, name, settings)

  const gallery: Gallery = {
    name,
    root,
    base: root,
    warnings: place.warnings,
    capabilities: { approximate: true, filters: 'before', writers: 'one', transactions: true },
    get space() {
      return held.space
    },
    get dim() {
      return held.dim
    },
    get members() {
      return held.members
    },
    count: (selection = {}) => run(async () => table.countRows(await conditionOf(table, name, held, selection))),
    get: (ids) =>
      run(async () => {
        checkIds(ids)
        const rows = await findRows(table, 'id', ids, entryColumns(held))
        const entries = byId(rows.flatMap((each) => entriesOf(each, held)))
        return ids.map((id) => entries.get(id))
      }),
    findSources: (sources) =>
      run(async () => {
        const rows = await findRows(table, 'source', sources, entryColumns(held))
        return rows.flatMap((each) => entriesOf(each, held))
      }),
    page: (options = {}) => read((now) => pages.page(now, options)),
    add: (items, vectors, { signal } = {}) =>
      run(async () => {
        signal?.throwIfAborted()
        checkItems(items)
        checkStorable(items)
        checkVectors(held, vectors, items.length)
        if (items.length === 0) return
        const given = copyOf(items, vectors)
        await change(async () => {
          if (await addColumns(table, held, given.items)) await reload()
          await addRows(table, held, given.items, given.vectors)
        })
      }),
    update: (changes) =>
      run(async () => {
        checkChanges(changes)
        checkStorable(changes)
        if (changes.length === 0) return
        await change(async () => {
          const items = await changedItems(table, name, held, changes)
          if (await addColumns(table, held, items)) await reload()
          await table
            .mergeInsert('id')
            .whenMatchedUpdateAll()
            .execute(rowsOf(held, items, ['id', 'metadata', 'rejected', 'source', uncertaintyColumn(held.generation)]))
        })
      }),
    remove: (ids) =>
      run(async () => {
        checkIds(ids)
        if (ids.length === 0) return 0
        return change(async () => (await table.delete(`id IN (${ids.map(quotedText).join(', ')})`)).numDeletedRows)
      }),
    search: (queries, k, options = {}) =>
      read(async (now) => {
        options.signal?.throwIfAborted()
        return searches.search(now, checkQueries(now, queries, k), k, options)
      }),
    vectors: (ids, member) =>
      read(async (now) => {
        checkIds(ids)
        const { space, dim } = member === undefined ? now : findMember(name, now, member)
        const at = now.members.findIndex((each) => each.name === member)
        const column = at < 0 ? vectorColumn(now.generation) : memberColumn(at)
        const vectors = new Map<string, Float32Array>()
        for (const rows of await findRows(table, 'id', ids, ['id', column])) {
          const all = matrixData(rows, column, dim)
          for (let row = 0; row < rows.numRows; row++)
            vectors.set(rows.getChild('id')!.get(row), all.subarray(row * dim, (row + 1) * dim))
        }
        const data = new Float32Array(ids.length * dim)
        for (const [i, id] of ids.entries()) {
          const vector = vectors.get(id)
          if (!vector) throw unknownImage(name, id)
          data.set(vector, i * dim)
        }
        return createEmbeddings({ data, rows: ids.length, dim, space, role: 'gallery' })
      }),
    codes: (reranker, key) => lanceCodes({ connection, table: table.name, reranker, key, run, change }),
    prepare: ({ signal } = {}) =>
      run(async () => {
        signal?.throwIfAborted()
        if (opening.mode !== 'read') await change(() => buildIndex(table, held, settings))
      }),
    rewrite: (wanted, { signal } = {}) =>
      change(async () => {
        await rewriteTable(table, name, held, wanted, signal)
        await reload()
      }),
    refresh: () =>
      run(async () => {
        const before = await table.version()
        try {
          await table.checkoutLatest()
        } catch (error) {
          throw isMissing(error) ? noSuchGallery(name) : error
        }
        if ((await table.version()) === before) return false
        const now = await readHeld(name, table)
        checkHeld(name, now, { space: held.space, dim: held.dim })
        held = now
        return true
      }),
    compact: ({ signal } = {}) =>
      change(async () => {
        signal?.throwIfAborted()
        await table.optimize({ cleanupOlderThan: new Date(Date.now() - KEPT_MS) })
      }),
    verify: ({ signal } = {}) =>
      read(async (now) => {
        let after: string | undefined
        do {
          signal?.throwIfAborted()
          const page = await pages.page(now, { after, limit: BLOCK, withVectors: true, withMembers: true })
          after = page.next
        } while (after !== undefined)
      }),
    close: () =>
      (closing ??= last.then(async () => {
        try {
          if (changed) await buildIndex(table, held, settings)
        } catch (error) {
          throw galleryError(name, error)
        } finally {
          pages.close()
          table.close()
          connection.close()
          place.release()
        }
      })),
  }
  return gallery
}

/** Whoever gave them may change them while an addition waits for its turn. */
function copyOf(items: readonly GalleryItem[], vectors: GalleryVectors) {
  const copy = <T extends { readonly data: Float32Array }>(each: T): T => ({ ...each, data: each.data.slice() })
  const members = Object.entries(vectors.members ?? {}).map(([member, each]) => [member, copy(each)] as const)
  return {
    items: structuredClone(items),
    vectors: { embeddings: copy(vectors.embeddings), members: Object.fromEntries(members) },
  }
}

/** @returns whether there were any to add */
async function addColumns(table: Table, { columns }: Held, items: readonly GalleryItem[]): Promise<boolean> {
  const missing = filterFields(items).filter((field) => !columns.has(field.name))
  if (missing.length > 0) await table.addColumns(missing)
  return missing.length > 0
}

async function addRows(table: Table, held: Held, items: readonly GalleryItem[], vectors: GalleryVectors) {
  const [own, ...members] = checkVectors(held, vectors, items.length)
  const matrices = Object.fromEntries([
    [vectorColumn(held.generation), own!.data],
    ...members.map((each, i) => [memberColumn(i), each.data]),
  ])
  const rows = tableOf(held.fields, { ...itemColumns(items, held.fields, held), ...matrices })
  await table.mergeInsert('id').whenMatchedUpdateAll().whenNotMatchedInsertAll().execute(rows)
}

/** Rows of these columns, and of those that filters read. */
function rowsOf(held: Held, items: readonly GalleryItem[], columns: readonly string[]) {
  const fields = held.fields.filter((field) => columns.includes(field.name) || keyOf(field.name) !== undefined)
  return tableOf(fields, itemColumns(items, fields, held))
}

/** The images as they will be; later changes of an image count more. @throws `gallery/unknown-id` */
async function changedItems(
  table: Table,
  name: string,
  held: Held,
  changes: readonly GalleryChange[],
): Promise<GalleryItem[]> {
  const ids = changes.map(({ id }) => id)
  const rows = await findRows(table, 'id', ids, entryColumns(held))
  const items = new Map<string, GalleryItem>(byId(rows.flatMap((each) => entriesOf(each, held))))
  for (const change of changes) {
    const item = items.get(change.id)
    if (!item) throw unknownImage(name, change.id)
    const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
    items.set(change.id, { ...item, ...given })
  }
  return [...items.values()]
}

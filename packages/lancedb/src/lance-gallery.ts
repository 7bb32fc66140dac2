import path from 'node:path'
import type { Table } from '@lancedb/lancedb'
import type { Gallery, GalleryChange, GalleryItem, GalleryVectors } from '@lookalike/core'
import { createEmbeddings } from '@lookalike/core'
import {
  checkChanges,
  checkHeld,
  checkIds,
  checkItems,
  checkQueries,
  checkStorable,
  checkVectors,
  copyAdditions,
  findVectors,
  mergeChanges,
  noSuchGallery,
  unknownImage,
} from '@lookalike/core/gallery'
import { matrixData, tableOf } from './arrow.js'
import { lanceCodes } from './codes.js'
import { quotedText } from './compile-filter.js'
import { filterFields, keyOf } from './filter-columns.js'
import { type Held, memberColumn, readHeld, uncertaintyColumn, vectorColumn } from './held.js'
import { galleryError, isMissing } from './lance-errors.js'
import { byId, conditionOf, findRows } from './lance-table.js'
import { createPages, type Pages } from './pages.js'
import { rewriteTable } from './rewrite-table.js'
import { entriesOf, entryColumns, itemColumns } from './rows.js'
import { buildIndex, createTableSearch } from './search-table.js'
import { createTableWork, type GalleryPlace, type TableWork } from './table-work.js'

/** Rows that `verify` reads at a time. */
const BLOCK = 1000
/** How long versions stay for those who read them, when room is made. */
const KEPT_MS = 3_600_000

/** An open gallery of one table. */
export function lanceGallery(place: GalleryPlace, found: Held): Gallery {
  const work = createTableWork(place, found)
  const pages = createPages(place)
  const root = path.resolve(place.opening.root ?? '.')
  return {
    name: place.name,
    root,
    base: root,
    warnings: place.warnings,
    capabilities: { approximate: true, filters: 'before', writers: 'one', transactions: true },
    get space() {
      return work.held.space
    },
    get dim() {
      return work.held.dim
    },
    get members() {
      return work.held.members
    },
    ...createLooks(work, pages),
    ...createChanges(work),
    ...createUpkeep(work, pages),
  }
}

type Looks = Pick<Gallery, 'count' | 'get' | 'findSources' | 'page' | 'search' | 'vectors' | 'codes'>

/** What changes nothing, but for codes. */
function createLooks(work: TableWork, pages: Pages): Looks {
  const { place, run, read, change } = work
  const { connection, table, name, settings } = place
  const searches = createTableSearch(table, name, settings)
  const find = async (column: 'id' | 'source', values: readonly string[]) => {
    const { held } = work
    return (await findRows(table, column, values, entryColumns(held))).flatMap((each) => entriesOf(each, held))
  }
  return {
    count: (selection = {}) => run(async () => table.countRows(await conditionOf(table, name, work.held, selection))),
    get: (ids) =>
      run(async () => {
        checkIds(ids)
        const entries = byId(await find('id', ids))
        return ids.map((id) => entries.get(id))
      }),
    findSources: (sources) => run(() => find('source', sources)),
    page: (options = {}) => read((now) => pages.page(now, options)),
    search: (queries, k, options = {}) =>
      read(async (now) => {
        options.signal?.throwIfAborted()
        return searches.search(now, checkQueries(now, queries, k), k, options)
      }),
    vectors: (ids, member) => read((now) => readVectors(place, now, ids, member)),
    codes: (reranker, key) => lanceCodes({ connection, table: table.name, reranker, key, run, change }),
  }
}

/** @throws `gallery/unknown-id`, `gallery/member` */
async function readVectors(
  { table, name }: GalleryPlace,
  held: Held,
  ids: readonly string[],
  member: string | undefined,
) {
  checkIds(ids)
  const { at, space, dim } = findVectors(name, held, member)
  const column = at === 0 ? vectorColumn(held.generation) : memberColumn(at - 1)
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
}

type Changes = Pick<Gallery, 'add' | 'update' | 'remove' | 'rewrite'>

/** What changes images and vectors. */
function createChanges(work: TableWork): Changes {
  const { run, change } = work
  const { table, name } = work.place
  /** Makes columns for keys that are new. */
  const ensureColumns = async (items: readonly GalleryItem[]) => {
    if (await addColumns(table, work.held, items)) await work.reload()
  }
  return {
    add: (items, vectors, { signal } = {}) =>
      run(async () => {
        signal?.throwIfAborted()
        checkItems(items)
        checkStorable(items)
        checkVectors(work.held, vectors, items.length)
        if (items.length === 0) return
        const given = copyAdditions(items, vectors)
        await change(async () => {
          await ensureColumns(given.items)
          await addRows(table, work.held, given.items, given.vectors)
        })
      }),
    update: (changes) =>
      run(async () => {
        checkChanges(changes)
        checkStorable(changes)
        if (changes.length === 0) return
        await change(async () => {
          const items = await changedItems(table, name, work.held, changes)
          await ensureColumns(items)
          const columns = ['id', 'metadata', 'rejected', 'source', uncertaintyColumn(work.held.generation)]
          await table
            .mergeInsert('id')
            .whenMatchedUpdateAll()
            .execute(rowsOf(work.held, items, columns))
        })
      }),
    remove: (ids) =>
      run(async () => {
        checkIds(ids)
        if (ids.length === 0) return 0
        return change(async () => (await table.delete(`id IN (${ids.map(quotedText).join(', ')})`)).numDeletedRows)
      }),
    rewrite: (wanted, { signal } = {}) =>
      change(async () => {
        await rewriteTable(table, name, work.held, wanted, signal)
        await work.reload()
      }),
  }
}

type Upkeep = Pick<Gallery, 'prepare' | 'refresh' | 'compact' | 'verify' | 'close'>

function createUpkeep(work: TableWork, pages: Pages): Upkeep {
  const { place, run, read, change } = work
  const { connection, table, name, opening, settings } = place
  return {
    prepare: ({ signal } = {}) =>
      run(async () => {
        signal?.throwIfAborted()
        if (opening.mode !== 'read') await change(() => buildIndex(table, work.held, settings))
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
        checkHeld(name, now, { space: work.held.space, dim: work.held.dim })
        work.held = now
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
      work.close(async (changed) => {
        try {
          if (changed) await buildIndex(table, work.held, settings)
        } catch (error) {
          throw galleryError(name, error)
        } finally {
          pages.close()
          table.close()
          connection.close()
          place.release()
        }
      }),
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
  for (const change of mergeChanges(changes)) {
    const item = items.get(change.id)
    if (!item) throw unknownImage(name, change.id)
    items.set(change.id, { ...item, ...change })
  }
  return [...items.values()]
}

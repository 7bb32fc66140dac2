import { randomUUID } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import {
  createEmbeddings,
  createRanking,
  type Embeddings,
  LookalikeError,
  type OperationOptions,
  type Ranking,
  toWarning,
  type VectorIndex,
  type VectorIndexEngine,
  type Warning,
} from '@lookalike/core'
import { BLOCK_ROWS } from '../exact/row-blocks.js'
import type { EntryTable } from '../store/entry-table.js'
import type { Store } from '../store/store.js'
import { checkIndexFiles, indexNoteName, readIndexNote, savedIndexFiles, writeIndexNote } from './index-note.js'
import { createIndexRows, type IndexRows } from './index-rows.js'

/** An index is made again when more rows than this, and more than half as many as there are images, are dead. */
const DEAD_ROWS = 1024

/** An engine's index that follows a store. */
export interface GalleryIndex {
  /** Brings it up to date. */
  prepare(options?: OperationOptions): Promise<void>
  /** The nearest rows of the store, as the engine finds them: it may find fewer than there are. */
  search(
    queries: Embeddings,
    k: number,
    options?: OperationOptions & { readonly allow?: ((position: number) => boolean) | undefined },
  ): Promise<Ranking[]>
  /** Keeps it beside the store where the engine can, if there is anything new. A failure is a warning: the vectors have everything. */
  save(): Promise<void>
  dispose(): Promise<void>
}

interface Opened {
  readonly index: VectorIndex
  readonly rows: IndexRows
  /** Positions that were removed from it. */
  readonly removed: Set<number>
  /** How many of the table's vacated positions were looked at. */
  vacated: number
  changed: boolean
}

export function createGalleryIndex(
  folder: string,
  store: Store,
  engine: VectorIndexEngine,
  entries: EntryTable,
  onWarning: (warning: Warning) => void,
): GalleryIndex {
  const { dim, space, generation } = store.manifest
  const noteFile = path.join(folder, indexNoteName(generation))
  let opened: Opened | undefined
  let queue: Promise<unknown> = Promise.resolve()

  const fresh = async (): Promise<Opened> => ({
    index: await engine.open({ dim, space }),
    rows: createIndexRows(),
    removed: new Set(),
    vacated: entries.vacated.length,
    changed: false,
  })

  /** A saved index that means nothing is as good as none: the vectors have everything. */
  async function open(): Promise<Opened> {
    try {
      return (await openSaved()) ?? (await fresh())
    } catch (error) {
      const { message, fields } =
        error instanceof LookalikeError
          ? toWarning(error)
          : { message: `${noteFile} cannot be understood.`, fields: { path: noteFile } }
      onWarning({ code: 'gallery/index-rebuilt', message: `${message} The index is made again.`, fields })
      return fresh()
    }
  }

  async function openSaved(): Promise<Opened | undefined> {
    const note = readIndexNote(folder, generation)
    if (note?.engine !== engine.name) return undefined
    const rows = createIndexRows(note.rows, note.skipped)
    if (note.rows > store.rows || rows.digest(store.checkOf) !== note.contents) throw otherRows(noteFile)
    await checkIndexFiles(folder, note)
    const index = await engine.open({ dim, space, file: path.join(folder, note.file) })
    if (index.size !== rows.given - note.removed.length) {
      await index.dispose()
      throw otherRows(noteFile)
    }
    return { index, rows, removed: new Set(note.removed), vacated: 0, changed: false }
  }

  async function addRows(to: Opened, { signal, onProgress }: OperationOptions): Promise<void> {
    const total = store.rows
    while (to.rows.seen < total) {
      signal?.throwIfAborted()
      const start = to.rows.seen
      const count = Math.min(BLOCK_ROWS, total - start)
      const live: number[] = []
      for (let position = start; position < start + count; position++) if (entries.at(position)) live.push(position)
      // Rows of images that go meanwhile are removed below.
      const wanted = new Set(live)
      const data = await store.read(0, start, count, (position) => wanted.has(position))
      for (const [row, position] of live.entries())
        data.copyWithin(row * dim, (position - start) * dim, (position - start + 1) * dim)
      const rows = live.length
      if (rows > 0)
        await to.index.add(
          createEmbeddings({ data: data.subarray(0, rows * dim), rows, dim, space, role: 'gallery' }),
          signal && { signal },
        )
      to.rows.extend(live, start + count)
      to.changed = true
      onProgress?.({ phase: 'index', done: to.rows.seen, total, unit: 'image' })
    }
  }

  async function removeRows(from: Opened): Promise<void> {
    const gone: number[] = []
    const rows: number[] = []
    const upTo = entries.vacated.length
    for (const position of entries.vacated.slice(from.vacated, upTo)) {
      const row = from.rows.rowOf(position)
      if (row === undefined || from.removed.has(position)) continue
      gone.push(position)
      rows.push(row)
    }
    if (rows.length > 0) {
      await from.index.remove(rows)
      for (const position of gone) from.removed.add(position)
      from.changed = true
    }
    from.vacated = upTo
  }

  async function follow(options: OperationOptions = {}): Promise<Opened> {
    opened ??= await open()
    await addRows(opened, options)
    await removeRows(opened)
    const { index, removed } = opened
    if (removed.size > DEAD_ROWS && removed.size > index.size / 2) {
      const again = await fresh()
      try {
        await addRows(again, options)
        await removeRows(again)
      } catch (error) {
        await again.index.dispose()
        throw error
      }
      opened = again
      await index.dispose()
    }
    return opened
  }

  /** One after the other: an index that is searched is not changed, nor put away. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = queue.then(work)
    queue = done.catch(() => undefined)
    return done
  }

  return {
    prepare: (options) => inTurn(async () => void (await follow(options))),
    search: (queries, k, { allow, ...options } = {}) =>
      inTurn(async () => {
        const { index, rows } = await follow(options)
        if (rows.skipped.length === 0) return index.search(queries, k, { ...options, allow })
        const rankings = await index.search(queries, k, {
          ...options,
          ...(allow && { allow: (row: number) => allow(rows.positionOf(row)) }),
        })
        return rankings.map(({ positions, distances }) =>
          createRanking(
            positions.map((row) => rows.positionOf(row)),
            distances,
          ),
        )
      }),
    save: () =>
      inTurn(async () => {
        if (!opened?.index.save || !opened.changed) return
        const { index, rows, removed } = opened
        const before = savedIndexFiles(folder, generation)
        const file = `index-${generation}-${randomUUID()}.${engine.name}`
        try {
          await index.save?.(path.join(folder, file))
          await writeIndexNote(folder, generation, {
            engine: engine.name,
            file,
            rows: rows.seen,
            skipped: [...rows.skipped],
            removed: [...removed],
            contents: rows.digest(store.checkOf),
          })
        } catch (error) {
          const { message } = toWarning(error)
          onWarning({
            code: 'gallery/index-not-saved',
            message: `The index of ${folder} could not be kept: ${message} It is made again from the vectors next time.`,
            fields: { path: folder },
          })
          // What there is of it would keep a full disk full.
          for (const name of readdirSync(folder))
            if (name.startsWith(file) || name === `${indexNoteName(generation)}.tmp`)
              await removeWhatever(path.join(folder, name))
          return
        }
        opened.changed = false
        for (const name of before) if (name !== indexNoteName(generation)) await removeWhatever(path.join(folder, name))
      }),
    dispose: () =>
      inTurn(async () => {
        await opened?.index.dispose()
        opened = undefined
      }),
  }
}

/** Also a folder in its place. Windows keeps files that a reader has open; the next writer tries again. */
const removeWhatever = (file: string) => rm(file, { recursive: true, force: true }).catch(() => undefined)

const otherRows = (file: string) =>
  new LookalikeError(
    'gallery/index-of-other-rows',
    { problem: `The saved index that ${file} speaks of was made of other vectors than the gallery's` },
    { fields: { path: file } },
  )

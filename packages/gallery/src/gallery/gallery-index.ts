import { randomUUID } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import {
  createEmbeddings,
  type OperationOptions,
  toWarning,
  type VectorIndex,
  type VectorIndexEngine,
  type Warning,
} from '@lookalike/core'
import { z } from 'zod'
import { BLOCK_ROWS } from '../exact/row-blocks.js'
import type { Store } from './store.js'

const noteSchema = z.strictObject({
  engine: z.string(),
  file: z.string().regex(/^[^/\\]+$/),
  /** Rows that it has seen. */
  rows: z.int().min(0),
  /** Positions that were removed from it. */
  removed: z.array(z.int()),
})

type IndexNote = z.infer<typeof noteSchema>

export const indexNoteName = (generation: number): string => `index-${generation}.json`

/** Files of the saved index that counts, engines' own notes included. */
export function savedIndexFiles(folder: string, generation: number): string[] {
  try {
    const note = readIndexNote(folder, generation)
    return note ? [note.file, `${note.file}.json`] : []
  } catch {
    return []
  }
}

function readIndexNote(folder: string, generation: number): IndexNote | undefined {
  const file = path.join(folder, indexNoteName(generation))
  return existsSync(file) ? noteSchema.parse(JSON.parse(readFileSync(file, 'utf8'))) : undefined
}

/** An engine's index that follows a store. */
export interface GalleryIndex {
  /** The index with all rows of the store, without those of images that are gone. */
  current(options?: OperationOptions): Promise<VectorIndex>
  /** Keeps it beside the store where the engine can, if there is anything new. A failure is a warning: the vectors have everything. */
  save(): Promise<void>
  dispose(): Promise<void>
}

export function createGalleryIndex(
  folder: string,
  store: Store,
  engine: VectorIndexEngine,
  entries: { isLive(position: number): boolean; live(): number },
  onWarning: (warning: Warning) => void,
): GalleryIndex {
  const { dim, space, generation } = store.manifest
  const noteFile = path.join(folder, indexNoteName(generation))
  let index: VectorIndex | undefined
  let seen = 0
  let removed = new Set<number>()
  let changed = false
  let queue: Promise<unknown> = Promise.resolve()

  async function open(): Promise<VectorIndex> {
    const note = readNote()
    if (note) {
      try {
        const opened = await engine.open({ dim, space, file: path.join(folder, note.file) })
        seen = note.rows
        removed = new Set(note.removed)
        return opened
      } catch (error) {
        const { message, fields } = toWarning(error)
        onWarning({ code: 'gallery/index-rebuilt', message: `${message} The index is made again.`, fields })
      }
    }
    return engine.open({ dim, space })
  }

  /** A note of another engine, or one that means nothing, is as good as none: the vectors have everything. */
  function readNote(): IndexNote | undefined {
    try {
      const note = readIndexNote(folder, generation)
      return note?.engine === engine.name && note.rows <= store.rows ? note : undefined
    } catch (error) {
      onWarning({
        code: 'gallery/index-rebuilt',
        message: `${noteFile} cannot be understood; the index is made again.`,
        fields: { path: noteFile, cause: String(error) },
      })
      return undefined
    }
  }

  async function follow({ signal, onProgress }: OperationOptions = {}): Promise<VectorIndex> {
    index ??= await open()
    const total = store.rows
    while (seen < total) {
      signal?.throwIfAborted()
      const rows = Math.min(BLOCK_ROWS, total - seen)
      const data = await store.read(0, seen, rows, entries.isLive)
      hideDeadRows(data, seen, rows)
      await index.add(createEmbeddings({ data, rows, dim, space, role: 'gallery' }))
      seen += rows
      changed = true
      onProgress?.({ phase: 'index', done: seen, total, unit: 'image' })
    }
    if (seen - entries.live() !== removed.size) {
      const gone: number[] = []
      for (let position = 0; position < seen; position++)
        if (!entries.isLive(position) && !removed.has(position)) gone.push(position)
      await index.remove(gone)
      for (const position of gone) removed.add(position)
      changed = true
    }
    return index
  }

  /** Rows that nobody uses are not checked on reading: a live one takes their place until they are removed. */
  function hideDeadRows(data: Float32Array, start: number, rows: number): void {
    let live = 0
    while (live < rows && !entries.isLive(start + live)) live++
    if (live === rows) return
    for (let row = 0; row < rows; row++) {
      if (!entries.isLive(start + row)) data.copyWithin(row * dim, live * dim, (live + 1) * dim)
    }
  }

  return {
    current(options) {
      const done = queue.then(() => follow(options))
      queue = done.catch(() => undefined)
      return done
    },
    async save() {
      await queue
      if (!index?.save || !changed) return
      const before = savedIndexFiles(folder, generation)
      const file = `index-${generation}-${randomUUID()}.${engine.name}`
      try {
        await index.save(path.join(folder, file))
        await writeFile(
          `${noteFile}.new`,
          `${JSON.stringify({ engine: engine.name, file, rows: seen, removed: [...removed] })}\n`,
        )
        await rename(`${noteFile}.new`, noteFile)
      } catch (error) {
        const { message } = toWarning(error)
        onWarning({
          code: 'gallery/index-not-saved',
          message: `The index of ${folder} could not be kept: ${message} It is made again from the vectors next time.`,
          fields: { path: folder },
        })
        // What there is of it would keep a full disk full.
        for (const name of readdirSync(folder))
          if (name.startsWith(file) || name === `${indexNoteName(generation)}.new`)
            await rm(path.join(folder, name), { force: true })
        return
      }
      changed = false
      for (const name of before) await rm(path.join(folder, name), { force: true })
    },
    async dispose() {
      await queue
      await index?.dispose()
      index = undefined
    },
  }
}

import { randomUUID } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { LookalikeError, toWarning, type Warning } from '@lookalike/core'
import type { Followed, FollowedIndex } from './followed-index.js'
import { checkIndexFiles, indexNoteName, readIndexNote, savedIndexFiles, writeIndexNote } from './index-note.js'
import { createIndexRows } from './index-rows.js'

type OnWarning = (warning: Warning) => void

/** The index that is kept beside a store. One that means nothing is as good as none, with a warning: the vectors have everything. */
export async function openSavedIndex(
  folder: string,
  followed: Followed,
  onWarning: OnWarning,
): Promise<FollowedIndex | undefined> {
  const noteFile = path.join(folder, indexNoteName(followed.store.manifest.generation))
  try {
    return await openProven(folder, noteFile, followed)
  } catch (error) {
    const { message, fields } =
      error instanceof LookalikeError
        ? toWarning(error)
        : { message: `${noteFile} cannot be understood.`, fields: { path: noteFile } }
    onWarning({ code: 'gallery/index-rebuilt', message: `${message} The index is made again.`, fields })
    return undefined
  }
}

async function openProven(
  folder: string,
  noteFile: string,
  { store, engine }: Followed,
): Promise<FollowedIndex | undefined> {
  const { dim, space, generation } = store.manifest
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

/** In the place of the one that was kept. A failure is a warning. */
export async function saveIndex(
  folder: string,
  { store, engine }: Followed,
  from: FollowedIndex,
  onWarning: OnWarning,
): Promise<void> {
  const { index, rows, removed } = from
  const { generation } = store.manifest
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
  from.changed = false
  for (const name of before) if (name !== indexNoteName(generation)) await removeWhatever(path.join(folder, name))
}

/** Also a folder in its place. Windows keeps files that a reader has open; the next writer tries again. */
const removeWhatever = (file: string) => rm(file, { recursive: true, force: true }).catch(() => undefined)

const otherRows = (file: string) =>
  new LookalikeError(
    'gallery/index-of-other-rows',
    { problem: `The saved index that ${file} speaks of was made of other vectors than the gallery's` },
    { fields: { path: file } },
  )

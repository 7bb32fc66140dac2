import { stat } from 'node:fs/promises'
import path from 'node:path'
import type { Warning } from '@lookalike/core'
import { encodeChange, encodeHeader, LOG_START, type LogHeader, type LogRecord, readLog } from './change-log.js'
import { createEndNote, emptyNote, readEndNote } from './end-note.js'
import { damaged, writeFailed } from './file-errors.js'
import { type Manifest, sameIdentity } from './manifest.js'
import { openFile } from './open-file.js'
import { keepTail } from './set-aside.js'
import { checkEnd, findTails, otherGallery, type Tail, tornTail } from './store-end.js'
import { openVectorFile, type VectorFile } from './vector-file.js'
import { syncFolder, writeAt, writeWhole } from './write-whole.js'

/** Names of a generation's files: the log, the searched vectors, then the members' in their order. */
export function storeFiles({ generation, members }: Pick<Manifest, 'generation' | 'members'>): {
  log: string
  vectors: string[]
} {
  return {
    log: `items-${generation}.jsonl`,
    vectors: [`vectors-${generation}.f32`, ...members.map(({ name }) => `member-${name}-${generation}.f32`)],
  }
}

/** The files of one generation: a log of what happened, and fixed-size rows of float32 in files of their own. */
export interface Store {
  readonly manifest: Manifest
  /** Rows on disk, those of replaced and removed images included. */
  readonly rows: number
  /** The CRC-32 of a row of the searched vectors. */
  checkOf(row: number): number
  /**
   * Rows first, then the records that speak of them; on disk when it resolves. On failure nothing is kept.
   *
   * @param vectors as many rows for each file of vectors
   * @throws `gallery/write`
   */
  write(records: readonly LogRecord[], vectors?: readonly Float32Array[]): Promise<void>
  /**
   * Rows `start` to `start + rows` of the nth file of vectors; those that `isUsed` are checked.
   *
   * @throws `gallery/damaged` naming the file and the row.
   */
  read(file: number, start: number, rows: number, isUsed: (row: number) => boolean): Promise<Float32Array>
  /** Reads what a writer has added since, whole changes only. False when the files are no longer those that were opened. */
  follow(): Promise<boolean>
  /** A new generation is whole: from now on its end is noted. */
  seal(): Promise<void>
  close(): Promise<void>
}

export interface StoreOptions {
  readonly mode: 'read' | 'write'
  /** A generation that is still being made: its end is noted when it is sealed. */
  readonly unsealed?: boolean | undefined
  /** Goes on writing where the log has lost its end. */
  readonly acceptLoss?: boolean | undefined
  /** Called before anything is written. */
  readonly beforeWrite: () => void
  /** Whether another process may be writing at this moment. */
  readonly isWritten: () => boolean
  /** A whole change, on opening and following. */
  readonly onChange: (records: readonly LogRecord[]) => void
  readonly onWarning: (warning: Warning) => void
}

/** Makes the files of a generation, without any image. Nothing of their names may be there. The log comes first: what has no log is not ours. */
export async function createStoreFiles(folder: string, header: LogHeader): Promise<void> {
  const { log, vectors } = storeFiles(header.manifest)
  await writeWhole(path.join(folder, log), `${emptyNote()}${encodeHeader(header).text}`)
  for (const name of vectors) await writeWhole(path.join(folder, name), '')
  await syncFolder(folder)
}

/** From now on they are a gallery. */
export async function sealStoreFiles(folder: string, header: LogHeader): Promise<void> {
  const log = await openFile(path.join(folder, storeFiles(header.manifest).log), 'write')
  try {
    await createEndNote(log).reset(encodeHeader(header).end)
  } finally {
    await log.close()
  }
}

/** Bytes of a log without any change. */
export const emptyLogBytes = (header: LogHeader): number => encodeHeader(header).end.bytes

/**
 * Reads a generation and proves that it is whole. Only then, and only for writing, what a crash left behind the last change is cut off,
 * and kept aside.
 *
 * @throws `gallery/damaged` naming the file.
 */
export async function openStore(folder: string, manifest: Manifest, options: StoreOptions): Promise<Store> {
  const { mode, beforeWrite, isWritten, onChange, onWarning } = options
  const names = storeFiles(manifest)
  const logFile = path.join(folder, names.log)
  const dims = [manifest.dim, ...manifest.members.map(({ dim }) => dim)]
  const log = await openFile(logFile, mode)
  // The note before the log: beside a writer, the log is never shorter than an older note says.
  const noted = readEndNote(log.fd)
  const note = createEndNote(log)
  let sealed = !options.unsealed
  const files: VectorFile[] = []
  let rows = 0
  let end = LOG_START
  let broken: unknown

  const close = async () => {
    for (const each of [log, ...files.splice(0)]) await each.close()
  }

  const remember = (records: readonly LogRecord[], line?: number) => {
    for (const record of records) {
      if (record.op !== 'add') continue
      if (record.row !== rows || record.checks.length !== dims.length)
        throw damaged(logFile, `does not go on with row ${rows} at line ${line}`, { line })
      for (const [i, file] of files.entries()) file.remember(record.checks[i]!)
      rows++
    }
  }

  const readOn = (size: number, acknowledged: number) => {
    const result = readLog({
      file: logFile,
      descriptor: log.fd,
      size,
      from: end,
      acknowledged,
      onHeader(header) {
        if (sameIdentity(header.manifest, manifest)) return onChange([{ op: 'root', root: header.root }])
        throw otherGallery(logFile, header.manifest, manifest)
      },
      onChange(records, line) {
        remember(records, line)
        onChange(records)
      },
    })
    end = result.end
    return result
  }

  async function cutTails(found: readonly Tail[]): Promise<void> {
    const kept: string[] = []
    if (mode === 'write') {
      beforeWrite()
      for (const { file, from } of found) kept.push(await keepTail(folder, file, from))
      await cutBack()
    } else if (isWritten()) return
    onWarning(tornTail(folder, found, kept))
  }

  /** The log first: it must never speak of rows that are gone. */
  async function cutBack(): Promise<void> {
    await log.truncate(end.bytes)
    await log.datasync()
    for (const file of files) await file.cutTo(rows)
  }

  try {
    for (const [i, name] of names.vectors.entries())
      files.push(await openVectorFile(path.join(folder, name), dims[i]!, mode))
    const { size } = await log.stat()
    readOn(size, noted?.bytes ?? 0)
    checkEnd(logFile, end, sealed ? { noted, ...options } : undefined)
    const found = await findTails({ file: logFile, from: end.bytes, bytes: size - end.bytes }, files, rows)
    if (found.length > 0) await cutTails(found)
    if (mode === 'write' && sealed && noted?.bytes !== end.bytes) await note.reset(end)
  } catch (error) {
    await close()
    throw error
  }

  return {
    manifest,
    get rows() {
      return rows
    },
    checkOf: (row) => files[0]!.checkOf(row),
    async write(records, vectors = []) {
      if (broken) throw writeFailed(folder, broken, false)
      beforeWrite()
      const { text, end: next } = encodeChange(records, end)
      try {
        for (const [i, data] of vectors.entries()) await files[i]!.write(data, rows)
        await writeAt(log, Buffer.from(text), end.bytes)
        await log.datasync()
      } catch (cause) {
        await cutBack().catch(() => {
          broken = cause
        })
        throw writeFailed(folder, cause, broken === undefined)
      }
      end = next
      remember(records)
      // The change is on disk: a note that stays behind is caught up by the next one, and by the next writer.
      if (sealed) await note.write(end).catch(() => undefined)
    },
    read: (file, start, count, isUsed) => files[file]!.read(start, count, isUsed),
    async follow() {
      const [now, opened] = await Promise.all([stat(logFile).catch(() => undefined), log.stat()])
      if (now?.ino !== opened.ino || opened.size < end.bytes) return false
      if (opened.size === end.bytes) return true
      try {
        readOn(opened.size, 0)
      } catch {
        return false
      }
      return true
    },
    async seal() {
      await note.reset(end)
      sealed = true
    },
    close,
  }
}

import { type FileHandle, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Warning } from '@lookalike/core'
import { encodeChange, encodeHeader, LOG_START, type LogHeader, type LogRecord, readLog } from './change-log.js'
import { createEndNote, type EndNote, emptyNote, type LogEnd, readEndNote } from './end-note.js'
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

/** A generation at work. */
interface Work {
  readonly folder: string
  readonly manifest: Manifest
  readonly options: StoreOptions
  readonly logFile: string
  readonly log: FileHandle
  readonly note: EndNote
  /** Of vectors, in the order of `storeFiles`. */
  readonly files: VectorFile[]
  rows: number
  /** Where the log's whole changes end. */
  end: LogEnd
  sealed: boolean
  /** Why nothing can be written any more. */
  broken: unknown
}

/**
 * Reads a generation and proves that it is whole. Only then, and only for writing, what a crash left behind the last change is cut off,
 * and kept aside.
 *
 * @throws `gallery/damaged` naming the file.
 */
export async function openStore(folder: string, manifest: Manifest, options: StoreOptions): Promise<Store> {
  const { mode } = options
  const names = storeFiles(manifest)
  const logFile = path.join(folder, names.log)
  const log = await openFile(logFile, mode)
  // The note before the log: beside a writer, the log is never shorter than an older note says.
  const noted = readEndNote(log.fd)
  const work: Work = {
    folder,
    manifest,
    options,
    logFile,
    log,
    note: createEndNote(log),
    files: [],
    rows: 0,
    end: LOG_START,
    sealed: !options.unsealed,
    broken: undefined,
  }
  const { files } = work
  const close = async () => {
    for (const each of [log, ...files.splice(0)]) await each.close()
  }
  try {
    const dims = [manifest.dim, ...manifest.members.map(({ dim }) => dim)]
    for (const [i, name] of names.vectors.entries())
      files.push(await openVectorFile(path.join(folder, name), dims[i]!, mode))
    const { size } = await log.stat()
    readOn(work, size, noted?.bytes ?? 0)
    checkEnd(logFile, work.end, work.sealed ? { noted, ...options } : undefined)
    const { bytes } = work.end
    const found = await findTails({ file: logFile, from: bytes, bytes: size - bytes }, files, work.rows)
    if (found.length > 0) await cutTails(work, found)
    if (mode === 'write' && work.sealed && noted?.bytes !== work.end.bytes) await work.note.reset(work.end)
  } catch (error) {
    await close()
    throw error
  }

  return {
    manifest,
    get rows() {
      return work.rows
    },
    checkOf: (row) => files[0]!.checkOf(row),
    write: (records, vectors = []) => write(work, records, vectors),
    read: (file, start, count, isUsed) => files[file]!.read(start, count, isUsed),
    async follow() {
      const [now, opened] = await Promise.all([stat(logFile).catch(() => undefined), log.stat()])
      if (now?.ino !== opened.ino || opened.size < work.end.bytes) return false
      if (opened.size === work.end.bytes) return true
      try {
        readOn(work, opened.size, 0)
      } catch {
        return false
      }
      return true
    },
    async seal() {
      await work.note.reset(work.end)
      work.sealed = true
    },
    close,
  }
}

/** Reads the log from where it was read to. @param acknowledged bytes that were noted as written */
function readOn(work: Work, size: number, acknowledged: number): void {
  const { manifest, logFile: file, log, options } = work
  work.end = readLog({
    file,
    descriptor: log.fd,
    size,
    from: work.end,
    acknowledged,
    onHeader({ manifest: found, root }) {
      if (!sameIdentity(found, manifest)) throw otherGallery(file, found, manifest)
      options.onChange([{ op: 'root', root }])
    },
    onChange(records, line) {
      remember(work, records, line)
      options.onChange(records)
    },
  }).end
}

function remember(work: Work, records: readonly LogRecord[], line?: number): void {
  const { files, logFile } = work
  for (const record of records) {
    if (record.op !== 'add') continue
    if (record.row !== work.rows || record.checks.length !== files.length)
      throw damaged(logFile, `does not go on with row ${work.rows} at line ${line}`, { line })
    for (const [i, file] of files.entries()) file.remember(record.checks[i]!)
    work.rows++
  }
}

async function write(work: Work, records: readonly LogRecord[], vectors: readonly Float32Array[]): Promise<void> {
  const { folder, files, log } = work
  await mend(work)
  if (records.length === 0) return
  work.options.beforeWrite()
  await checkPlace(work)
  const { text, end } = encodeChange(records, work.end)
  try {
    for (const [i, data] of vectors.entries()) await files[i]!.write(data, work.rows)
    await writeAt(log, Buffer.from(text), work.end.bytes)
    await log.datasync()
  } catch (cause) {
    await cutBack(work).catch(() => {
      work.broken = cause
    })
    throw writeFailed(folder, cause, work.broken === undefined)
  }
  work.end = end
  remember(work, records)
  // The change is on disk: a note that stays behind is caught up by the next one, and by the next writer.
  if (work.sealed) await work.note.write(end).catch(() => undefined)
}

/** What is written behind a file that somebody has cut or replaced would be acknowledged and not be there. */
async function checkPlace({ log, logFile, end, files, rows }: Work): Promise<void> {
  const { size, nlink } = await log.stat()
  if (size !== end.bytes || nlink === 0) throw damaged(logFile, 'was changed by something else while it was open')
  for (const vectors of files) {
    if ((await vectors.size()) < rows * vectors.dim * 4)
      throw damaged(vectors.file, 'was cut by something else while it was open')
  }
}

/** Undoes what could not be undone when it failed. Until then nothing is acknowledged: it would come before what may be there. */
async function mend(work: Work): Promise<void> {
  const { broken } = work
  if (!broken) return
  await cutBack(work).catch(() => {
    throw writeFailed(work.folder, broken, false)
  })
  work.broken = undefined
}

async function cutTails(work: Work, found: readonly Tail[]): Promise<void> {
  const { mode, beforeWrite, isWritten, onWarning } = work.options
  const kept: string[] = []
  if (mode === 'write') {
    beforeWrite()
    for (const { file, from } of found) kept.push(await keepTail(work.folder, file, from))
    await cutBack(work)
  } else if (isWritten()) return
  onWarning(tornTail(work.folder, found, kept))
}

/** The log first: it must never speak of rows that are gone. */
async function cutBack({ log, end, files, rows }: Work): Promise<void> {
  await log.truncate(end.bytes)
  await log.datasync()
  for (const file of files) await file.cutTo(rows)
}

import { existsSync, statSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import { LookalikeError, type Warning } from '@lookalike/core'
import { encodeRecord, type LogRecord, readLog } from './item-log.js'
import { type Manifest, syncFolder } from './manifest.js'

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
  /** Replaced when its root moves. */
  manifest: Manifest
  /** Rows on disk, those of replaced and removed images included. */
  readonly rows: number
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
  close(): Promise<void>
}

export interface StoreOptions {
  readonly mode: 'read' | 'write'
  /** Called before anything is written. */
  readonly beforeWrite: () => void
  readonly onRecord: (record: LogRecord, line: number) => void
  readonly onWarning: (warning: Warning) => void
}

/** Makes the empty files of a generation, over leftovers of an attempt that was cut off. */
export async function createStoreFiles(folder: string, manifest: Manifest): Promise<void> {
  const { log, vectors } = storeFiles(manifest)
  for (const name of [log, ...vectors]) {
    const handle = await open(path.join(folder, name), 'w')
    await handle.close()
  }
  await syncFolder(folder)
}

/** @throws `gallery/damaged` naming the file. */
export async function openStore(folder: string, manifest: Manifest, options: StoreOptions): Promise<Store> {
  const names = storeFiles(manifest)
  const logFile = path.join(folder, names.log)
  const vectorFiles = names.vectors.map((name) => path.join(folder, name))
  const dims = [manifest.dim, ...manifest.members.map(({ dim }) => dim)]
  for (const file of [logFile, ...vectorFiles]) if (!existsSync(file)) throw damaged(file, 'is missing', {})

  /** Of each file of vectors, the checksum of each row. */
  const checks = dims.map((): number[] => [])
  let rows = 0
  const remember = (record: Extract<LogRecord, { op: 'add' }>) => {
    record.checks.forEach((check, i) => checks[i]!.push(check))
    rows++
  }
  const { bytes, torn } = readLog(logFile, (record, line) => {
    if (record.op === 'add') {
      if (record.row !== rows || record.checks.length !== dims.length)
        throw damaged(logFile, `does not go on with row ${rows} at line ${line}`, { line })
      remember(record)
    }
    options.onRecord(record, line)
  })
  let logBytes = bytes
  let behind = torn
  const flag = options.mode === 'write' ? 'r+' : 'r'
  const handles: FileHandle[] = []
  let broken: LookalikeError | undefined
  try {
    for (const file of [logFile, ...vectorFiles]) handles.push(await open(file, flag))
    for (const [i, file] of vectorFiles.entries()) {
      const { size } = statSync(file)
      const wanted = rows * dims[i]! * 4
      if (size < wanted) throw damaged(file, `has ${size} bytes, where ${rows} rows take ${wanted}`, { size, wanted })
      behind += size - wanted
    }
    if (options.mode === 'write' && behind > 0) {
      options.beforeWrite()
      await cutBack()
      const message = `${behind} bytes of a write that was cut off were removed from ${folder}; everything acknowledged before is there.`
      options.onWarning({ code: 'gallery/torn-tail', message, fields: { path: folder, bytes: behind } })
    }
  } catch (error) {
    await close()
    throw error
  }

  /** The log first: it must never speak of rows that are gone. */
  async function cutBack(): Promise<void> {
    await handles[0]!.truncate(logBytes)
    for (const [i, dim] of dims.entries()) await handles[i + 1]!.truncate(rows * dim * 4)
    for (const handle of handles) await handle.datasync()
  }

  async function close(): Promise<void> {
    for (const handle of handles.splice(0)) await handle.close()
  }

  return {
    manifest,
    get rows() {
      return rows
    },
    async write(records, vectors = []) {
      if (broken) throw broken
      options.beforeWrite()
      const text = Buffer.from(records.map(encodeRecord).join(''))
      try {
        for (const [i, data] of vectors.entries()) {
          await writeAt(handles[i + 1]!, bytesOf(data), rows * dims[i]! * 4)
          await handles[i + 1]!.datasync()
        }
        await writeAt(handles[0]!, text, logBytes)
        await handles[0]!.datasync()
      } catch (cause) {
        const error = writeFailed(folder, cause)
        await cutBack().catch(() => {
          broken = error
        })
        throw error
      }
      logBytes += text.length
      for (const record of records) if (record.op === 'add') remember(record)
    },
    async read(file, start, count, isUsed) {
      const dim = dims[file]!
      const data = new Float32Array(count * dim)
      const view = bytesOf(data)
      for (let done = 0; done < view.length; ) {
        const { bytesRead } = await handles[file + 1]!.read(view, done, view.length - done, start * dim * 4 + done)
        if (bytesRead === 0) throw damaged(vectorFiles[file]!, 'is shorter than it was', {})
        done += bytesRead
      }
      for (let i = 0; i < count; i++) {
        const row = start + i
        if (isUsed(row) && crc32(view.subarray(i * dim * 4, (i + 1) * dim * 4)) !== checks[file]![row]) {
          throw damaged(vectorFiles[file]!, `is damaged at row ${row} (byte ${row * dim * 4})`, { row })
        }
      }
      return data
    },
    close,
  }
}

/** CRC-32 of each row. */
export function rowChecks(data: Float32Array, rows: number, dim: number): number[] {
  const bytes = bytesOf(data)
  return Array.from({ length: rows }, (_, row) => crc32(bytes.subarray(row * dim * 4, (row + 1) * dim * 4)))
}

function bytesOf(data: Float32Array): Buffer {
  return Buffer.from(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength)
}

async function writeAt(handle: FileHandle, bytes: Buffer, offset: number): Promise<void> {
  for (let done = 0; done < bytes.length; )
    done += (await handle.write(bytes, done, bytes.length - done, offset + done)).bytesWritten
}

function writeFailed(folder: string, cause: unknown): LookalikeError {
  const full = ['ENOSPC', 'EDQUOT', 'EFBIG'].includes((cause as NodeJS.ErrnoException).code ?? '')
  return new LookalikeError(
    'gallery/write',
    {
      problem: `The gallery ${folder} cannot be written: ${(cause as Error).message}`,
      fix: full
        ? 'Free some disk space and go on: everything acknowledged is there.'
        : 'Check that the folder may be written to and go on: everything acknowledged is there.',
    },
    { fields: { path: folder }, cause },
  )
}

function damaged(file: string, problem: string, fields: Record<string, unknown>): LookalikeError {
  return new LookalikeError(
    'gallery/damaged',
    {
      problem: `${file} ${problem}`,
      expected: 'the file as it was written',
      fix: 'Put the file back from a copy, or index the images again into a new folder.',
    },
    { fields: { path: file, ...fields } },
  )
}

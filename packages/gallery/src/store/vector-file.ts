import { crc32 } from 'node:zlib'
import { LookalikeError } from '@lookalike/core'
import { damaged, isSystemError } from './file-errors.js'
import { openFile } from './open-file.js'
import { writeAt } from './write-whole.js'

/** Read and checked at a time: this thread may have others to answer. */
const READ_BYTES = 1 << 21

/** Rows of float32 in a file without a header: row n starts at byte `n * dim * 4`. */
export interface VectorFile {
  readonly file: string
  readonly dim: number
  /** Bytes on disk, also behind the last row that counts. */
  size(): Promise<number>
  /** The CRC-32 of the next row that counts. */
  remember(check: number): void
  checkOf(row: number): number
  /** Flushed when it resolves. */
  write(data: Float32Array, firstRow: number): Promise<void>
  /** @throws `gallery/damaged` naming the file and the row; rows that are not used are not checked. */
  read(start: number, rows: number, isUsed: (row: number) => boolean): Promise<Float32Array>
  /** Leaves so many rows. */
  cutTo(rows: number): Promise<void>
  close(): Promise<void>
}

export async function openVectorFile(file: string, dim: number, mode: 'read' | 'write'): Promise<VectorFile> {
  const handle = await openFile(file, mode)
  const rowBytes = dim * 4
  let checks = new Uint32Array(1024)
  let rows = 0
  return {
    file,
    dim,
    size: async () => (await handle.stat()).size,
    remember(check) {
      if (rows === checks.length) {
        const larger = new Uint32Array(rows * 2)
        larger.set(checks)
        checks = larger
      }
      checks[rows++] = check
    },
    checkOf: (row) => checks[row]!,
    async write(data, firstRow) {
      await writeAt(handle, bytesOf(data), firstRow * rowBytes)
      await handle.datasync()
    },
    async read(start, count, isUsed) {
      const data = new Float32Array(count * dim)
      const bytes = bytesOf(data)
      let checked = 0
      for (let done = 0; done < bytes.length; ) {
        const { bytesRead } = await handle
          .read(bytes, done, Math.min(READ_BYTES, bytes.length - done), start * rowBytes + done)
          .catch((cause: unknown) => {
            throw isSystemError(cause) ? unreadable(file, cause) : cause
          })
        if (bytesRead === 0) throw damaged(file, 'is shorter than it was')
        done += bytesRead
        for (; (checked + 1) * rowBytes <= done; checked++) {
          const row = start + checked
          if (isUsed(row) && crc32(bytes.subarray(checked * rowBytes, (checked + 1) * rowBytes)) !== checks[row])
            throw damaged(file, `is damaged at row ${row} (byte ${row * rowBytes})`, { row })
        }
      }
      return data
    },
    async cutTo(count) {
      await handle.truncate(count * rowBytes)
      await handle.datasync()
    },
    close: () => handle.close(),
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

const unreadable = (file: string, cause: Error) =>
  new LookalikeError(
    'gallery/io',
    { problem: `${file} cannot be read: ${cause.message}`, fix: 'Check the disk, and that the file may be read.' },
    { fields: { path: file }, cause },
  )

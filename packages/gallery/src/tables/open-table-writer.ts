import { type FileHandle, open } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import { createFinishedFiles, type FinishedFiles, writing } from './finished-files.js'
import { toJsonLine } from './json-row.js'
import { NPY_HEADER_BYTES, npyHeader } from './npy.js'
import { openParquetWriter } from './parquet-writer.js'
import { safetensorsHeader, safetensorsHeaderBytes } from './safetensors-header.js'
import { idsFileOf, type TableFormat, type TableHead, type TableRow, type TableWriter } from './vector-table.js'

export interface TableWriterOptions extends TableHead {
  readonly format: TableFormat
}

/**
 * Writes vectors and what is said of them into a file, piece by piece: any number fits the memory. Formats that hold numbers alone get a second file,
 * `<name>.ids.jsonl`.
 *
 * @throws `table/write`
 *
 * @example
 * const writer = await openTableWriter('vectors.npy', { format: 'npy', space: encoder.space, dim: encoder.dim })
 * await writer.write([{ id: 'cat.jpg' }], embeddings.data)
 * await writer.close()
 */
export async function openTableWriter(file: string, options: TableWriterOptions): Promise<TableWriter> {
  const files = createFinishedFiles()
  try {
    return await openWriter(file, files, options)
  } catch (error) {
    await files.abort()
    throw error
  }
}

/** Writes JSON lines into a stream, a pipe say. */
export function streamTableWriter(stream: Writable, { space, dim }: TableHead): TableWriter {
  return {
    async write(rows, vectors) {
      for (const [i, row] of rows.entries()) {
        const ready = stream.write(toJsonLine(row, space, vectors.subarray(i * dim, (i + 1) * dim)))
        if (!ready) await new Promise((resolve) => stream.once('drain', resolve))
      }
    },
    close: async () => [],
    abort: async () => undefined,
  }
}

function openWriter(file: string, files: FinishedFiles, { format, ...head }: TableWriterOptions): Promise<TableWriter> {
  if (format === 'parquet') return openParquetWriter(file, files, head)
  if (format === 'jsonl') return openLines(file, files, head, true)
  const header = format === 'npy' ? npyHeader : headerOfSafetensors(head)
  const bytes = format === 'npy' ? NPY_HEADER_BYTES : safetensorsHeaderBytes(head)
  return openNumbers(file, files, head, bytes, (rows) => header(rows, head.dim))
}

const headerOfSafetensors = (head: TableHead) => (rows: number) =>
  safetensorsHeader(rows, head, safetensorsHeaderBytes(head))

async function openLines(
  file: string,
  files: FinishedFiles,
  { space, dim }: TableHead,
  withVectors: boolean,
): Promise<TableWriter> {
  const handle = await begin(file, files)
  return {
    async write(rows, vectors) {
      const lines = rows.map((row, i) =>
        toJsonLine(row, space, withVectors ? vectors.subarray(i * dim, (i + 1) * dim) : undefined),
      )
      await writing(file, () => handle.appendFile(lines.join('')))
    },
    async close() {
      await handle.close()
      return files.finish()
    },
    async abort() {
      await handle.close().catch(() => undefined)
      await files.abort()
    },
  }
}

/** A head of a fixed length, then numbers; what is said of them beside it. */
async function openNumbers(
  file: string,
  files: FinishedFiles,
  head: TableHead,
  headBytes: number,
  header: (rows: number) => Buffer,
): Promise<TableWriter> {
  const handle = await begin(file, files)
  const ids = await openLines(idsFileOf(file), files, head, false)
  let count = 0
  await writing(file, () => handle.appendFile(Buffer.alloc(headBytes)))
  return {
    async write(rows: readonly TableRow[], vectors) {
      await writing(file, () => handle.appendFile(Buffer.from(vectors.buffer, vectors.byteOffset, vectors.byteLength)))
      await ids.write(rows, vectors)
      count += rows.length
    },
    async close() {
      await writing(file, async () => {
        await handle.write(header(count), 0, headBytes, 0)
        await handle.close()
      })
      return ids.close()
    },
    async abort() {
      await handle.close().catch(() => undefined)
      await ids.abort()
    },
  }
}

async function begin(file: string, files: FinishedFiles): Promise<FileHandle> {
  const temporary = await files.begin(file)
  return writing(file, () => open(temporary, 'w'))
}

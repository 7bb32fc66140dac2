import { LookalikeError } from '@lookalike/core'
import { readBytes } from './read-text.js'
import { rowOfRecord } from './row-of-record.js'
import type { Table } from './table.js'

/**
 * Reads an Apache Parquet file, in any of its compressions. Rows are counted from 1.
 *
 * @throws `dataset/unreadable`, `dataset/bad-parquet`, `dataset/empty`
 */
export async function readParquet(file: string): Promise<Table> {
  const bytes = await readBytes(file)
  const [{ parquetReadObjects, parquetMetadata, parquetSchema }, { compressors }] = await Promise.all([
    import('hyparquet'),
    import('hyparquet-compressors'),
  ])
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
  let columns: readonly string[]
  let records: readonly Readonly<Record<string, unknown>>[]
  try {
    const metadata = parquetMetadata(buffer)
    columns = parquetSchema(metadata).children.map(({ element }) => element.name)
    records = await parquetReadObjects({ file: buffer, metadata, compressors, utf8: false })
  } catch (cause) {
    throw new LookalikeError(
      'dataset/bad-parquet',
      {
        problem: `${file} is not a readable Parquet file: ${(cause as Error).message}`,
        fix: 'Write or copy it again.',
      },
      { fields: { file }, cause },
    )
  }
  if (records.length === 0)
    throw new LookalikeError('dataset/empty', { problem: `${file} has no rows` }, { fields: { file } })
  return { file, columns, rows: records.map((record, at) => rowOfRecord(record, at + 1)), counts: 'rows' }
}

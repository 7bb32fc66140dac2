import { closeSync, openSync, writeSync } from 'node:fs'
import { type FinishedFiles, writing } from './finished-files.js'
import type { TableHead, TableRow, TableWriter } from './vector-table.js'

type Library = typeof import('hyparquet-writer')
type Column = ConstructorParameters<Library['ParquetWriter']>[0]['schema'][number]

const text = (name: string, repetition: 'REQUIRED' | 'OPTIONAL' = 'OPTIONAL'): Column => ({
  name,
  type: 'BYTE_ARRAY',
  converted_type: 'UTF8',
  repetition_type: repetition,
})

/** One column each for what a row says; its metadata and its box as JSON, its vector as a list of float32. */
const SCHEMA: Column[] = [
  { name: 'root', num_children: 8 },
  text('id', 'REQUIRED'),
  text('hash'),
  text('source'),
  text('metadata'),
  text('box'),
  { name: 'uncertainty', type: 'DOUBLE', repetition_type: 'OPTIONAL' },
  { name: 'rejected', type: 'BOOLEAN', repetition_type: 'OPTIONAL' },
  { name: 'vector', repetition_type: 'REQUIRED', num_children: 1, converted_type: 'LIST' },
  { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
  { name: 'element', type: 'FLOAT', repetition_type: 'REQUIRED' },
]

export async function openParquetWriter(
  file: string,
  files: FinishedFiles,
  { space, dim }: TableHead,
): Promise<TableWriter> {
  const { ByteWriter, ParquetWriter } = await import('hyparquet-writer')
  const temporary = await files.begin(file)
  const descriptor = await writing(file, () => openSync(temporary, 'w'))
  const bytes = new ByteWriter()
  const parquet = new ParquetWriter({
    writer: bytes,
    schema: SCHEMA,
    codec: 'SNAPPY',
    kvMetadata: [
      { key: 'lookalike.space', value: space },
      { key: 'lookalike.dim', value: String(dim) },
    ],
  })
  /** The library counts bytes itself: what was written goes out, and its buffer begins anew. */
  const flush = () =>
    writing(file, () => {
      const chunk = new Uint8Array(bytes.buffer, 0, bytes.index)
      for (let done = 0; done < chunk.length; ) done += writeSync(descriptor, chunk, done)
      bytes.index = 0
    })
  let open = true
  const close = () => {
    if (open) closeSync(descriptor)
    open = false
  }
  return {
    async write(rows, vectors) {
      if (rows.length === 0) return
      await parquet.write({ columnData: columnsOf(rows, vectors, dim), rowGroupSize: rows.length })
      await flush()
    },
    async close() {
      await parquet.finish()
      await flush()
      close()
      return files.finish()
    },
    async abort() {
      close()
      await files.abort()
    },
  }
}

function columnsOf(rows: readonly TableRow[], vectors: Float32Array, dim: number) {
  const json = (value: unknown) => (value === undefined ? undefined : JSON.stringify(value))
  return [
    { name: 'id', data: rows.map(({ id }) => id) },
    { name: 'hash', data: rows.map(({ hash }) => hash) },
    { name: 'source', data: rows.map(({ source }) => source) },
    { name: 'metadata', data: rows.map(({ metadata }) => json(metadata)) },
    { name: 'box', data: rows.map(({ box }) => json(box)) },
    { name: 'uncertainty', data: rows.map(({ uncertainty }) => uncertainty) },
    { name: 'rejected', data: rows.map(({ rejected }) => rejected) },
    { name: 'vector', data: rows.map((_, i) => Array.from(vectors.subarray(i * dim, (i + 1) * dim))) },
  ]
}

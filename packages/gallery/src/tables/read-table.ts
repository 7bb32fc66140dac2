import { createReadStream, existsSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { type JsonRow, parseJsonRow } from './json-row.js'
import { NPY_BYTES, type NpyLayout, npyNumbers, parseNpyHeader } from './npy.js'
import { badTable, idsFileOf, type TableBlock, tableFormatOf } from './vector-table.js'

/** Rows of a block. */
const BLOCK_ROWS = 1024

export interface ReadTableOptions {
  /** Of a format that holds numbers alone: JSON lines (ids, or objects with an id), or plain lines of ids. Default: `<name>.ids.jsonl`, then `<name>.ids.txt`. */
  readonly ids?: string | undefined
}

/**
 * Reads a table of vectors, a block after the other.
 *
 * @throws `table/format`, `table/unreadable` naming the file, and the line or row
 */
export async function* readTable(file: string, { ids }: ReadTableOptions = {}): AsyncGenerator<TableBlock> {
  if (/\.safetensors$/i.test(file))
    throw badTable(file, 'is not read', 'an .npy file with its ids, a .parquet file, or JSON lines')
  const format = tableFormatOf(file, ['npy', 'jsonl', 'parquet'])
  if (format !== 'npy' && ids !== undefined)
    throw badTable(file, 'holds its ids itself', 'a file of ids beside an .npy file only')
  if (!existsSync(file)) throw badTable(file, 'is not there')
  if (format === 'npy') yield* readNpy(file, ids)
  else if (format === 'parquet') yield* readParquet(file)
  else yield* blocksOf(file, readLines(file))
}

async function* readLines(file: string): AsyncGenerator<JsonRow> {
  let number = 0
  const plain = file.endsWith('.txt')
  for await (const line of createInterface({
    input: createReadStream(file, 'utf8'),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    number++
    if (line.trim() === '') continue
    try {
      yield parseJsonRow(plain ? line : JSON.parse(line.replace(/^\ufeff/, '')))
    } catch (cause) {
      throw badTable(
        file,
        `cannot be understood at line ${number}: ${(cause as Error).message}`,
        '{"id": ..., "vector": [...]}',
        cause,
      )
    }
  }
}

/** Rows that bring their vectors, in blocks. */
async function* blocksOf(file: string, rows: AsyncIterable<JsonRow>): AsyncGenerator<TableBlock> {
  let block: JsonRow[] = []
  let dim: number | undefined
  let row = 0
  const finish = (): TableBlock => {
    const vectors = new Float32Array(block.length * dim!)
    for (const [i, { vector }] of block.entries()) vectors.set(vector!, i * dim!)
    const done = { rows: block.map((each) => each.row), vectors, dim: dim!, space: block[0]!.space }
    block = []
    return done
  }
  for await (const each of rows) {
    row++
    if (!each.vector || each.vector.length === 0)
      throw badTable(file, `has no vector in row ${row}`, 'a column "vector"')
    dim ??= each.vector.length
    if (each.vector.length !== dim)
      throw badTable(
        file,
        `has a vector of ${each.vector.length} numbers in row ${row}`,
        `${dim}, as in the rows before`,
      )
    if (block.length > 0 && block[0]!.space !== each.space) yield finish()
    block.push(each)
    if (block.length === BLOCK_ROWS) yield finish()
  }
  if (block.length > 0) yield finish()
}

async function* readNpy(file: string, given: string | undefined): AsyncGenerator<TableBlock> {
  const named = [idsFileOf(file), idsFileOf(file).replace(/\.jsonl$/, '.txt')]
  const idsFile = given ?? named.find((each) => existsSync(each))
  if (idsFile === undefined || !existsSync(idsFile))
    throw badTable(
      file,
      `came without its ids: there is no ${idsFile ?? named.join(' and no ')}`,
      'one id a row, in a file beside it or with --ids',
    )
  const handle = await open(file, 'r')
  const ids = readLines(idsFile)
  try {
    const layout = await layoutOf(file, handle)
    const { rows, dim, type, offset } = layout
    for (let start = 0; start < rows; start += BLOCK_ROWS) {
      const count = Math.min(BLOCK_ROWS, rows - start)
      const bytes = Buffer.alloc(count * dim * NPY_BYTES[type])
      await handle.read(bytes, 0, bytes.length, offset + start * dim * NPY_BYTES[type])
      const said: JsonRow[] = []
      while (said.length < count) {
        const next = await ids.next()
        if (next.done) throw badTable(idsFile, `has ${start + said.length} ids`, `${rows}, one for each row of ${file}`)
        said.push(next.value)
      }
      yield { rows: said.map(({ row }) => row), vectors: npyNumbers(bytes, type), dim, space: said[0]!.space }
    }
    if (!(await ids.next()).done) throw badTable(idsFile, `has more ids than ${file} has rows`, String(rows))
  } finally {
    await ids.return(undefined)
    await handle.close()
  }
}

async function layoutOf(file: string, handle: FileHandle): Promise<NpyLayout> {
  const { size } = await handle.stat()
  const expected =
    'a matrix of float16, float32 or float64, row by row: numpy.save(file, numpy.ascontiguousarray(vectors))'
  const read = async (bytes: number): Promise<NpyLayout> => {
    const start = Buffer.alloc(Math.min(bytes, size))
    await handle.read(start, 0, start.length, 0)
    let layout: ReturnType<typeof parseNpyHeader>
    try {
      layout = parseNpyHeader(start)
    } catch (cause) {
      throw badTable(file, (cause as Error).message, expected, cause)
    }
    if (!('needs' in layout)) return layout
    if (layout.needs > size) throw badTable(file, 'ends in its header', expected)
    return read(layout.needs)
  }
  const layout = await read(128)
  const wanted = layout.offset + layout.rows * layout.dim * NPY_BYTES[layout.type]
  if (layout.rows < 1 || layout.dim < 1) throw badTable(file, `has the shape (${layout.rows}, ${layout.dim})`, expected)
  if (size !== wanted)
    throw badTable(file, `has ${size} bytes`, `${wanted}, for (${layout.rows}, ${layout.dim}) numbers`)
  return layout
}

async function* readParquet(file: string): AsyncGenerator<TableBlock> {
  const [{ parquetMetadataAsync, parquetReadObjects, asyncBufferFromFile }, { compressors }] = await Promise.all([
    import('hyparquet'),
    import('hyparquet-compressors'),
  ])
  const reading = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (cause) {
      throw badTable(file, `is not a readable Parquet file: ${(cause as Error).message}`, undefined, cause)
    }
  }
  const source = await reading(() => asyncBufferFromFile(file))
  const metadata = await reading(() => parquetMetadataAsync(source))
  const space = metadata.key_value_metadata?.find(({ key }) => key === 'lookalike.space')?.value
  const total = Number(metadata.num_rows)
  async function* rows(): AsyncGenerator<JsonRow> {
    for (let start = 0; start < total; start += BLOCK_ROWS) {
      const end = Math.min(total, start + BLOCK_ROWS)
      const records = await reading(() =>
        parquetReadObjects({ file: source, metadata, compressors, rowStart: start, rowEnd: end }),
      )
      for (const [i, record] of records.entries()) {
        try {
          yield rowOfRecord(record, space)
        } catch (cause) {
          throw badTable(
            file,
            `cannot be understood in row ${start + i + 1}: ${(cause as Error).message}`,
            'columns "id" and "vector"',
            cause,
          )
        }
      }
    }
  }
  yield* blocksOf(file, rows())
}

function rowOfRecord(record: Readonly<Record<string, unknown>>, space: string | undefined): JsonRow {
  const parsed = (value: unknown) => (typeof value === 'string' ? (JSON.parse(value) as unknown) : value)
  const { id, hash, source, uncertainty, rejected, vector } = record
  const text = typeof id === 'number' || typeof id === 'bigint' ? String(id) : id
  const numbers = ArrayBuffer.isView(vector) ? Array.from(vector as unknown as ArrayLike<number>) : vector
  return parseJsonRow({
    id: text,
    hash,
    source,
    uncertainty,
    rejected,
    metadata: parsed(record['metadata']),
    box: parsed(record['box']),
    vector: numbers,
    space: space ?? record['space'],
  })
}

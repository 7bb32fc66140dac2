import type { Box, Metadata } from '@lookalike/core'
import { LookalikeError } from '@lookalike/core'

/** What a table of vectors is written as. */
export const TABLE_FORMATS = ['npy', 'jsonl', 'parquet', 'safetensors'] as const
export type TableFormat = (typeof TABLE_FORMATS)[number]

/** What a table says of a vector besides its numbers. */
export interface TableRow {
  readonly id: string
  /** SHA-256 of the image's content in hex. */
  readonly hash?: string | undefined
  readonly metadata?: Metadata | undefined
  readonly uncertainty?: number | undefined
  readonly rejected?: boolean | undefined
  /** A URL, or a path from the table's folder, with forward slashes. */
  readonly source?: string | undefined
  readonly box?: Box | undefined
}

/** Rows in a row, as they are written and read. */
export interface TableBlock {
  readonly rows: readonly TableRow[]
  /** Row-major, `rows.length * dim` values. */
  readonly vectors: Float32Array
  readonly dim: number
  /** What made the vectors, where the table says so. */
  readonly space?: string | undefined
}

/** Writes a table in pieces. Nothing stands at its place before `close`. */
export interface TableWriter {
  write(rows: readonly TableRow[], vectors: Float32Array): Promise<void>
  /** Puts everything in its place; resolves to the files. */
  close(): Promise<readonly string[]>
  /** Takes away what was written. */
  abort(): Promise<void>
}

/** What all rows of a table have in common. */
export interface TableHead {
  readonly space: string
  readonly dim: number
}

/**
 * The format that a file's name says.
 *
 * @param formats those that are possible here
 * @throws `table/format` for other endings
 */
export function tableFormatOf(file: string, formats: readonly TableFormat[] = TABLE_FORMATS): TableFormat {
  const ending = /\.([a-z]+)$/i.exec(file)?.[1]?.toLowerCase()
  const format = ending === 'ndjson' ? 'jsonl' : formats.find((each) => each === ending)
  if (format) return format
  throw new LookalikeError(
    'table/format',
    {
      problem: `The name ${file} does not say how vectors are written`,
      expected: `a name that ends in ${formats.map((each) => `.${each}`).join(', ')}`,
    },
    { fields: { file } },
  )
}

/** The file of what is said of each row, beside formats that hold numbers alone: `vectors.npy` has `vectors.ids.jsonl`. */
export const idsFileOf = (file: string): string => `${file.replace(/\.[^./\\]+$/, '')}.ids.jsonl`

export function badTable(file: string, problem: string, expected?: string, cause?: unknown): LookalikeError {
  return new LookalikeError(
    'table/unreadable',
    { problem: `${file} ${problem}`, expected },
    { fields: { file }, cause },
  )
}

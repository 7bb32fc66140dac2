import { LookalikeError, nearestName } from '@lookalike/core'

/** A file of rows with named cells, in memory. */
export interface Table {
  readonly file: string
  readonly columns: readonly string[]
  readonly rows: readonly TableRow[]
  /** What a row's number counts: lines of a text file, or the rows themselves. */
  readonly counts: 'lines' | 'rows'
}

export interface TableRow {
  /** Line or row number in the file, counted from 1. */
  readonly line: number
  /** Cells as text, trimmed; '' where a cell is empty. */
  readonly values: Readonly<Record<string, string>>
  /** Cells that are lists, where the file's format has them. */
  readonly lists?: Readonly<Record<string, readonly string[]>> | undefined
  /** Cells that are files' bytes, where the format has them. */
  readonly bytes?: Readonly<Record<string, Uint8Array>> | undefined
}

/** The column of this name, in whatever case; undefined where there is none, or several differ in case alone. */
export function columnNamed({ columns }: Pick<Table, 'columns'>, name: string): string | undefined {
  if (columns.includes(name)) return name
  const plain = (text: string) => text.normalize('NFC').toLowerCase()
  const alike = columns.filter((column) => plain(column) === plain(name))
  return alike.length === 1 ? alike[0] : undefined
}

/** Throws `dataset/missing-columns`, which names all that are missing and what the file has instead. */
export function requireColumns(table: Table, wanted: Iterable<string>): void {
  const missing = [...new Set(wanted)].filter((name) => !table.columns.includes(name))
  if (missing.length === 0) return
  throw missingColumns(table, missing)
}

/** The error about columns that a file does not have. */
export function missingColumns(table: Table, missing: readonly string[], fix?: string): LookalikeError {
  const near = missing.flatMap((name) => nearestName(name, table.columns) ?? [])
  return new LookalikeError(
    'dataset/missing-columns',
    {
      problem: `${table.file} has no column ${missing.join(', ')}; it has ${table.columns.join(', ')}`,
      fix:
        fix ??
        (near.length > 0
          ? `Did you mean ${near.join(', ')}? The option columns maps other names.`
          : 'Rename the columns, or map them in the option columns.'),
    },
    { fields: { file: table.file, missing, columns: table.columns } },
  )
}

/** Where a row stands, for people. */
export const whereOf = ({ file, counts }: Pick<Table, 'file' | 'counts'>, { line }: Pick<TableRow, 'line'>) =>
  counts === 'lines' ? `${file}:${line}` : `${file}, row ${line}`

/** An error about one row: where it stands leads the text. */
export function rowError(
  table: Pick<Table, 'file'> & Partial<Pick<Table, 'counts'>>,
  row: Pick<TableRow, 'line'>,
  code: string,
  problem: string,
  expected?: string,
): LookalikeError {
  const where = whereOf({ counts: 'lines', ...table }, row)
  return new LookalikeError(
    code,
    { problem: `${where}: ${problem}`, expected },
    { fields: { file: table.file, line: row.line } },
  )
}

import { readFile, stat } from 'node:fs/promises'
import { LookalikeError, nearestName } from '@lookalike/core'

/** A CSV file in memory. */
export interface Table {
  readonly file: string
  readonly columns: readonly string[]
  readonly rows: readonly TableRow[]
}

export interface TableRow {
  /** Line number in the file, counted from 1. */
  readonly line: number
  readonly values: Readonly<Record<string, string>>
}

/**
 * Reads a CSV file (RFC 4180: comma, double quotes, optional byte order mark) with a header line. Cells are trimmed.
 *
 * @throws `dataset/unreadable`, `dataset/bad-csv`
 */
export async function readTable(file: string): Promise<Table> {
  const text = await readText(file)
  const { parse } = await import('csv-parse/sync')
  let columns: string[] = []
  let parsed: { record: Record<string, string>; info: { lines: number } }[]
  try {
    parsed = parse(text, {
      bom: true,
      trim: true,
      info: true,
      skip_empty_lines: true,
      columns: (header: string[]) => {
        const twice = header.find((name, at) => name !== '' && header.indexOf(name) !== at)
        if (twice !== undefined) throw new Error(`the column ${twice} appears twice`)
        // A column without a name (an index that pandas wrote) cannot be asked for.
        return (columns = header.map((name, at) => name || `column ${at + 1}`))
      },
    }) as unknown as typeof parsed
  } catch (cause) {
    throw new LookalikeError(
      'dataset/bad-csv',
      {
        problem: `${file} is not a readable CSV file: ${(cause as Error).message}`,
        expected: 'comma-separated values with a header line',
      },
      { fields: { file }, cause },
    )
  }
  if (parsed.length === 0) {
    throw new LookalikeError(
      'dataset/empty',
      { problem: `${file} has no rows`, expected: 'a header line and at least one row' },
      { fields: { file } },
    )
  }
  return { file, columns, rows: parsed.map(({ record, info }) => ({ line: info.lines, values: record })) }
}

/** Throws `dataset/missing-columns`, which names all that are missing and what the file has instead. */
export function requireColumns(table: Table, wanted: Iterable<string>): void {
  const missing = [...new Set(wanted)].filter((name) => !table.columns.includes(name))
  if (missing.length === 0) return
  const near = missing.flatMap((name) => nearestName(name, table.columns) ?? [])
  throw new LookalikeError(
    'dataset/missing-columns',
    {
      problem: `${table.file} has no column ${missing.join(', ')}; it has ${table.columns.join(', ')}`,
      fix:
        near.length > 0
          ? `Did you mean ${near.join(', ')}? The option columns maps other names.`
          : 'Rename the columns, or map them in the option columns',
    },
    { fields: { file: table.file, missing, columns: table.columns } },
  )
}

/** An error about one row: `file:line` leads the text. */
export function rowError(
  table: Pick<Table, 'file'>,
  row: Pick<TableRow, 'line'>,
  code: string,
  problem: string,
  expected?: string,
): LookalikeError {
  return new LookalikeError(
    code,
    { problem: `${table.file}:${row.line}: ${problem}`, ...(expected === undefined ? {} : { expected }) },
    { fields: { file: table.file, line: row.line } },
  )
}

/** The text of a file. Throws `dataset/unreadable`. */
export async function readText(file: string): Promise<string> {
  try {
    if ((await stat(file)).isDirectory()) throw new Error('it is a folder')
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new LookalikeError(
      'dataset/unreadable',
      {
        problem: `Cannot read ${file}: ${(cause as Error).message}`,
        expected: 'a file; relative paths start at the folder of the config',
      },
      { fields: { file }, cause },
    )
  }
}

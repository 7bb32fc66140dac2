import { LookalikeError } from '@lookalike/core'
import type { CsvError } from 'csv-parse/sync'
import { findSeparator } from './find-separator.js'
import { type ReadTextOptions, readText } from './read-text.js'
import { rowError, type Table, type TableRow } from './table.js'

export interface ReadCsvOptions extends ReadTextOptions {
  /** Default: found out. */
  readonly separator?: string | undefined
  /** Names of columns that the file may have, which tell separators apart. */
  readonly known?: readonly string[] | undefined
}

interface Record {
  /** The record's last line. */
  readonly end: number
  readonly cells: readonly string[]
}

/**
 * Reads a table of separated values (RFC 4180, with comma, semicolon, tab or bar) with a header line. Cells are trimmed; empty cells beyond
 * the header's last column, as spreadsheets write them, are dropped, and so are rows of empty cells.
 *
 * @throws `dataset/unreadable`, `dataset/encoding`, `dataset/not-text`, `dataset/bad-csv`, `dataset/empty`
 */
export async function readCsv(file: string, options: ReadCsvOptions = {}): Promise<Table> {
  const text = await readText(file, options)
  const found =
    options.separator === undefined
      ? findSeparator(text, options.known ?? [])
      : { separator: options.separator, skip: 0 }
  const records = await parse(file, text.slice(found.skip), found.separator)
  const [header, ...body] = records.filter(({ cells }) => cells.some((cell) => cell !== ''))
  const shift = found.skip > 0 ? 1 : 0
  const columns = header ? columnsOf(file, header.cells) : []
  const rows = body.map((record) => rowOf(file, record, columns, shift))
  if (rows.length === 0) {
    throw new LookalikeError(
      'dataset/empty',
      { problem: `${file} has no rows`, expected: 'a header line and at least one row' },
      { fields: { file } },
    )
  }
  return { file, columns, rows, counts: 'lines' }
}

async function parse(file: string, text: string, separator: string): Promise<readonly Record[]> {
  const parser = await import('csv-parse/sync')
  // The types of the package do not know records that on_record made.
  const parseText = parser.parse as unknown as (text: string, options: object) => readonly Record[]
  try {
    return parseText(text, {
      delimiter: separator,
      record_delimiter: ['\r\n', '\n', '\r'],
      // With tabs between cells, trimming would eat empty cells: cells are trimmed below.
      trim: separator !== '\t',
      skip_empty_lines: true,
      relax_column_count: true,
      on_record: (cells: string[], { lines }: { readonly lines: number }): Record => ({
        end: lines,
        cells: cells.map((cell) => cell.trim()),
      }),
    })
  } catch (cause) {
    const { lines, column } = cause as CsvError & {
      readonly lines?: number | undefined
      readonly column?: number | string
    }
    throw new LookalikeError(
      'dataset/bad-csv',
      {
        problem: `${file}${lines === undefined ? '' : `:${lines}`} is not a readable CSV file: ${(cause as Error).message}`,
        expected: 'separated values with a header line; cells with quotes in them are quoted, and the quotes doubled',
      },
      { fields: { file, line: lines, column }, cause },
    )
  }
}

function columnsOf(file: string, header: readonly string[]): string[] {
  const last = header.findLastIndex((name) => name !== '')
  const columns = header.slice(0, last + 1)
  const twice = columns.find((name, at) => name !== '' && columns.indexOf(name) !== at)
  if (twice !== undefined) {
    throw new LookalikeError(
      'dataset/bad-csv',
      { problem: `${file}: the column ${twice} appears twice`, expected: 'one column of each name' },
      { fields: { file, column: twice } },
    )
  }
  // A column without a name (an index that pandas wrote) cannot be asked for.
  return columns.map((name, at) => name || `column ${at + 1}`)
}

function rowOf(file: string, { end, cells }: Record, columns: readonly string[], shift: number): TableRow {
  const breaks = cells.reduce((sum, cell) => sum + (cell.includes('\n') ? cell.split('\n').length - 1 : 0), 0)
  const line = end - breaks + shift
  const filled = cells.findLastIndex((cell) => cell !== '') + 1
  if (filled > columns.length || cells.length < columns.length) {
    throw rowError(
      { file },
      { line },
      'dataset/bad-csv',
      `the row has ${filled > columns.length ? filled : cells.length} cells, the header ${columns.length} (${columns.join(', ')}), so ${file} is not a readable CSV file`,
      'a cell for each column; cells with separators in them are quoted',
    )
  }
  const values: { [column: string]: string } = Object.create(null)
  columns.forEach((name, at) => {
    values[name] = cells[at]!
  })
  return { line, values }
}

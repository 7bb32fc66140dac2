import { isRecord, LookalikeError } from '@lookalike/core'
import { type ReadTextOptions, readText } from './read-text.js'
import { rowOfRecord } from './row-of-record.js'
import { rowError, type Table } from './table.js'

/**
 * Reads JSON Lines: one JSON object a line, empty lines left out.
 *
 * @throws `dataset/unreadable`, `dataset/encoding`, `dataset/bad-json` with line and column, `dataset/empty`
 */
export async function readJsonLines(file: string, options: ReadTextOptions = {}): Promise<Table> {
  const text = await readText(file, options)
  if (/^\s*\[/.test(text)) {
    throw new LookalikeError(
      'dataset/bad-json',
      {
        problem: `${file}:1:1: the file is one JSON list`,
        expected: 'JSON Lines: one object a line, without commas between lines',
      },
      { fields: { file, line: 1 } },
    )
  }
  const columns = new Set<string>()
  const rows = text.split(/\r\n|\n|\r/).flatMap((content, at) => {
    if (content.trim() === '') return []
    const record = parseLine(file, content, at + 1)
    for (const name of Object.keys(record)) columns.add(name)
    return [rowOfRecord(record, at + 1)]
  })
  if (rows.length === 0) {
    throw new LookalikeError(
      'dataset/empty',
      { problem: `${file} has no rows`, expected: 'one JSON object a line' },
      { fields: { file } },
    )
  }
  return { file, columns: [...columns], rows, counts: 'lines' }
}

function parseLine(file: string, content: string, line: number): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(content)
  } catch (cause) {
    const position = /position (\d+)/.exec((cause as Error).message)?.[1]
    const column = position === undefined ? content.length : Number(position) + 1
    throw new LookalikeError(
      'dataset/bad-json',
      {
        problem: `${file}:${line}:${column}: ${(cause as Error).message}`,
        expected: 'one JSON object a line',
      },
      { fields: { file, line, column }, cause },
    )
  }
  if (isRecord(value)) return value
  throw rowError({ file }, { line }, 'dataset/bad-json', `the line is ${content.slice(0, 40)}`, 'a JSON object')
}

import type { LoadContext } from '../load-context.js'
import { rowError, type Table, type TableRow } from './table.js'

/** The labels of a row, at least one. */
export type LabelsOf = (row: TableRow) => readonly string[]

/** Looked for where the option does not say. */
const SEPARATORS = [';', '|'] as const

/**
 * Reads the labels of rows: lists as they are, text cut at the separator. Letters that can be written in two ways (é, or e with an accent
 * behind it) are made one, so that a class is one class.
 *
 * Without a separator, one is taken where it joins labels that also stand alone; the warning `dataset/several-labels` says so.
 *
 * @throws `dataset/missing-label` when a row has none.
 */
export function labelReader(
  table: Table,
  column: string,
  separator: string | undefined,
  context: Pick<LoadContext, 'warn'>,
): LabelsOf {
  const cut = separator ?? findSeparator(table, column, context) ?? ''
  return (row) => {
    const given = row.lists?.[column] ?? cutAt(row.values[column] ?? '', cut)
    const labels = [...new Set(given.map((label) => label.trim().normalize('NFC')).filter(Boolean))]
    if (labels.length > 0) return labels
    throw rowError(table, row, 'dataset/missing-label', `the column ${column} is empty`, 'a label for every image')
  }
}

const cutAt = (cell: string, separator: string) => (separator === '' ? [cell] : cell.split(separator))

function findSeparator(table: Table, column: string, context: Pick<LoadContext, 'warn'>): string | undefined {
  const cells = new Set(table.rows.map(({ values }) => values[column] ?? ''))
  for (const separator of SEPARATORS) {
    const joined = [...cells].filter((cell) => cell.includes(separator))
    if (!joined.some((cell) => cell.split(separator).some((part) => cells.has(part.trim()) && part.trim() !== '')))
      continue
    context.warn({
      code: 'dataset/several-labels',
      message: `${table.file}: labels such as ${JSON.stringify(joined[0])} are read as several labels, since a part of one also stands alone. Set labelSeparator to '${separator}' to say so, or to '' to take them as they are`,
      fields: { file: table.file, column, separator, labels: joined.slice(0, 10) },
    })
    return separator
  }
  return undefined
}

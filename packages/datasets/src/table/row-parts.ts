import { LookalikeError, type Split } from '@lookalike/core'
import type { LoadContext } from '../load-context.js'
import { SPLIT_NAMES, splitNamed } from '../splits/split-named.js'
import type { FoundColumns } from './find-columns.js'
import { compileRule } from './row-rule.js'
import { missingColumns, rowError, type Table, type TableRow } from './table.js'
import type { TableOptions } from './table-options.js'

/** What a row is for. */
export interface Part {
  readonly split: Split
  readonly isQuery: boolean
  readonly isGallery: boolean
}

const SPLITS = ['train', 'validation', 'test'] as const satisfies readonly Split[]

/** Split by the column of that name. */
export function partsByColumn(columns: FoundColumns, table: Table): (row: TableRow) => Part {
  const { split: column } = columns
  if (column === undefined) {
    throw missingColumns(
      table,
      ['split'],
      'Add the column, or say with the option splits which rows are which split, for example splits: { test: { where: {} } }',
    )
  }
  const role = roleReader(columns, table)
  return (row) => {
    const given = row.values[column] ?? ''
    const split = splitNamed(given)
    if (split) return { split, ...role(row) }
    throw rowError(
      table,
      row,
      'dataset/bad-split',
      `the split is ${JSON.stringify(given)}`,
      `${SPLIT_NAMES}, or the option splits`,
    )
  }
}

/** Split by the rules of the option `splits`. */
export function partsByRule(
  splits: NonNullable<TableOptions['splits']>,
  columns: FoundColumns,
  table: Table,
  context: Pick<LoadContext, 'warn'>,
): (row: TableRow) => Part | undefined {
  const rules = compileSplits(splits, table)
  const left = table.rows.filter((row) => !rules.some(({ where }) => where(row))).length
  if (left > 0) {
    context.warn({
      code: 'dataset/rows-left-out',
      message: `${left} of the ${table.rows.length} rows of ${table.file} are in none of the splits ${rules.map(({ split }) => split).join(', ')}`,
      fields: { file: table.file, rows: left },
    })
  }
  const role = roleReader(columns, table)
  return (row) => {
    const [rule, other] = rules.filter(({ where }) => where(row))
    if (!rule) return undefined
    if (other) {
      throw rowError(
        table,
        row,
        'dataset/two-splits',
        `the row is in the splits ${rule.split} and ${other.split}`,
        'rules that exclude each other',
      )
    }
    const { isQuery, isGallery } = role(row)
    return { split: rule.split, isQuery: rule.query?.(row) ?? isQuery, isGallery: rule.gallery?.(row) ?? isGallery }
  }
}

function compileSplits(splits: NonNullable<TableOptions['splits']>, table: Table) {
  return SPLITS.flatMap((split) => {
    const rule = splits[split]
    if (!rule) return []
    const where = compileRule(rule.where, table)
    if (!table.rows.some(where)) {
      throw new LookalikeError(
        'dataset/empty-split',
        {
          problem: `No row of ${table.file} is in the split ${split}`,
          expected: `rows that agree with ${JSON.stringify(rule.where)}`,
        },
        { fields: { file: table.file, split } },
      )
    }
    const query = rule.query && compileRule(rule.query, table)
    const gallery = rule.gallery && compileRule(rule.gallery, table)
    return [{ split, where, query, gallery }]
  })
}

function roleReader(columns: FoundColumns, table: Table): (row: TableRow) => Pick<Part, 'isQuery' | 'isGallery'> {
  const read = (row: TableRow, column: string | undefined) => {
    const given = column === undefined ? '' : (row.values[column]?.toLowerCase() ?? '')
    // Python writes what is missing (training rows have no role) as nan or None.
    if (['', 'true', '1', '1.0', 'nan', 'none'].includes(given)) return true
    if (['false', '0', '0.0'].includes(given)) return false
    throw rowError(
      table,
      row,
      'dataset/bad-value',
      `${column} is ${JSON.stringify(row.values[column!])}`,
      'true or false',
    )
  }
  return (row) => ({ isQuery: read(row, columns.isQuery), isGallery: read(row, columns.isGallery) })
}

import { LookalikeError } from '@lookalike/core'
import { columnNamed, missingColumns, type Table } from './table.js'
import { type ColumnOptions, USUAL_COLUMNS } from './table-options.js'

/** The columns of a table by their part. */
export interface FoundColumns {
  readonly path: string
  readonly label: string
  readonly split: string | undefined
  readonly isQuery: string | undefined
  readonly isGallery: string | undefined
  readonly category: string | undefined
  readonly sequence: string | undefined
  readonly id: string | undefined
}

const IMAGE = /\.(jpe?g|png|webp|avif|tiff?|gif|bmp|svg|heic)$/i

/**
 * Finds the columns: those that the options name must be there, others by their usual names.
 *
 * @throws `dataset/no-header`, `dataset/missing-columns`
 */
export function findColumns(table: Table, named: ColumnOptions): FoundColumns {
  const roles = Object.keys(USUAL_COLUMNS) as (keyof typeof USUAL_COLUMNS)[]
  const entries = roles.map((role) => [role, findColumn(table, named[role], USUAL_COLUMNS[role])] as const)
  const found = Object.fromEntries(entries) as Record<keyof typeof USUAL_COLUMNS, string | undefined>
  const { path, label } = found
  if (path !== undefined && label !== undefined) {
    return { ...found, path, label, id: named.id === undefined ? undefined : findColumn(table, named.id, []) }
  }
  if (table.columns.some((name) => IMAGE.test(name))) throw noHeader(table)
  const missing = [path === undefined && 'path', label === undefined && 'label'].filter((name) => name !== false)
  throw missingColumns(table, missing, path === undefined ? pathHint(table) : undefined)
}

function findColumn(table: Table, named: string | undefined, usual: readonly string[]): string | undefined {
  if (named === undefined) return usual.map((name) => columnNamed(table, name)).find((name) => name !== undefined)
  const found = columnNamed(table, named)
  if (found === undefined) throw missingColumns(table, [named])
  return found
}

/** Headers in other languages say little, but paths look alike everywhere. */
function pathHint(table: Table): string | undefined {
  const sample = table.rows.slice(0, 20)
  const paths = table.columns.find((name) => sample.every(({ values }) => IMAGE.test(values[name] ?? '')))
  if (paths === undefined) return undefined
  return `The column ${paths} holds paths: map it, and the class beside it, in the option columns: { path: '${paths}', label: ... }.`
}

const noHeader = (table: Table) =>
  new LookalikeError(
    'dataset/no-header',
    {
      problem: `${table.file}:1: the first line (${table.columns.join(', ')}) looks like an image, not like the names of columns`,
      expected: 'a header line, for example path,label,split',
      fix: 'Write the names of the columns above it.',
    },
    { fields: { file: table.file, columns: table.columns } },
  )

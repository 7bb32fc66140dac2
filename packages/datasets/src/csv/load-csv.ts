import { dirname, resolve } from 'node:path'
import { type Box, type Dataset, type DatasetItem, LookalikeError, type Split } from '@lookalike/core'
import { finishDataset } from '../check/finish-dataset.js'
import type { LoadContext } from '../load-context.js'
import { pathInside } from '../node/path-inside.js'
import { splitClasses } from '../splits/split-classes.js'
import type { CsvColumns, CsvOptions } from './csv-options.js'
import { type PixelEdges, withPixelBoxes } from './pixel-boxes.js'
import { readTable, requireColumns, rowError, type Table, type TableRow } from './read-table.js'
import { compileRule } from './row-rule.js'

/** A CSV file of images and labels: the layout of open-metric-learning, or any other through `columns` and `splits`. */
export async function loadCsv(
  options: CsvOptions,
  context: Pick<LoadContext, 'folder' | 'warn' | 'signal'>,
): Promise<Dataset> {
  const file = resolve(context.folder, options.file)
  const root = options.root === undefined ? dirname(file) : resolve(context.folder, options.root)
  const table = await readTable(file)
  requireColumns(table, [
    options.columns.path,
    options.columns.label,
    ...options.metadata,
    ...(options.columns.id ? [options.columns.id] : []),
  ])
  const partOf = options.splits
    ? partsByRule(options.splits, options.columns, table, context)
    : partsByColumn(options.columns, table)
  const reader = { table, root, options, box: options.boxes ? boxReader(options.columns.box, table) : undefined }
  const rows = table.rows.flatMap((row) => {
    const part = partOf(row)
    return part ? [readItem(row, part, reader)] : []
  })
  const items = rows.map(({ item }) => item)
  const boxed = rows.some(({ edges }) => edges)
    ? await withPixelBoxes(
        items,
        rows.map(({ edges }) => edges),
        context.signal,
      )
    : items
  return finishDataset('csv', splitClasses(boxed, options), context, options.missingImages)
}

interface Part {
  readonly split: Split
  readonly isQuery: boolean
  readonly isGallery: boolean
}

const SPLITS = ['train', 'validation', 'test'] as const satisfies readonly Split[]

function partsByColumn(columns: CsvColumns, table: Table): (row: TableRow) => Part {
  if (!table.columns.includes(columns.split)) {
    throw new LookalikeError(
      'dataset/missing-columns',
      {
        problem: `${table.file} has no column ${columns.split}; it has ${table.columns.join(', ')}`,
        fix: 'Add the column, or say with the option splits which rows are which split, for example splits: { test: { where: {} } }',
      },
      { fields: { file: table.file, missing: [columns.split], columns: table.columns } },
    )
  }
  const role = roleReader(columns, table)
  return (row) => {
    const given = row.values[columns.split] ?? ''
    const split = SPLITS.find((name) => name === given)
    if (!split)
      throw rowError(
        table,
        row,
        'dataset/bad-split',
        `the split is ${JSON.stringify(given)}`,
        'train, validation or test, or the option splits',
      )
    return { split, ...role(row) }
  }
}

function partsByRule(
  splits: NonNullable<CsvOptions['splits']>,
  columns: CsvColumns,
  table: Table,
  context: Pick<LoadContext, 'warn'>,
): (row: TableRow) => Part | undefined {
  const rules = SPLITS.flatMap((split) => {
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
    if (other)
      throw rowError(
        table,
        row,
        'dataset/two-splits',
        `the row is in the splits ${rule.split} and ${other.split}`,
        'rules that exclude each other',
      )
    const { isQuery, isGallery } = role(row)
    return { split: rule.split, isQuery: rule.query?.(row) ?? isQuery, isGallery: rule.gallery?.(row) ?? isGallery }
  }
}

function roleReader(columns: CsvColumns, table: Table): (row: TableRow) => Pick<Part, 'isQuery' | 'isGallery'> {
  const read = (row: TableRow, column: string) => {
    const given = row.values[column]?.toLowerCase() ?? ''
    // Python writes what is missing (training rows have no role) as nan or None.
    if (['', 'true', '1', '1.0', 'nan', 'none'].includes(given)) return true
    if (['false', '0', '0.0'].includes(given)) return false
    throw rowError(
      table,
      row,
      'dataset/bad-value',
      `${column} is ${JSON.stringify(row.values[column])}`,
      'true or false',
    )
  }
  return (row) => ({ isQuery: read(row, columns.isQuery), isGallery: read(row, columns.isGallery) })
}

interface ItemReader {
  readonly table: Table
  readonly root: string
  readonly options: CsvOptions
  readonly box: ((row: TableRow) => ReadBox | undefined) | undefined
}

function readItem(
  row: TableRow,
  part: Part,
  { table, root, options, box: boxOf }: ItemReader,
): { item: DatasetItem; edges?: PixelEdges } {
  const { columns } = options
  const path = row.values[columns.path] ?? ''
  if (path === '')
    throw rowError(table, row, 'dataset/missing-path', `the column ${columns.path} is empty`, 'the path of an image')
  const label = row.values[columns.label] ?? ''
  if (label === '')
    throw rowError(
      table,
      row,
      'dataset/missing-label',
      `the column ${columns.label} is empty`,
      'a label for every image',
    )
  const remote = /^https?:\/\//i.test(path)
  const source = remote ? path : pathInside(root, path)
  if (source === undefined) {
    throw rowError(
      table,
      row,
      'dataset/path-outside',
      `${path} leads out of ${root}`,
      'a path inside the root, or the option root set to a folder above all images',
    )
  }
  const box = boxOf?.(row)
  const category = row.values[columns.category]
  const sequence = row.values[columns.sequence]
  const metadata = options.metadata.map((name) => [name, row.values[name] ?? ''] as const)
  const item: DatasetItem = {
    id: columns.id ? row.values[columns.id]! : box ? `${path}#${box.text}` : path,
    source,
    label,
    ...part,
    ...(category ? { category } : {}),
    ...(sequence ? { sequence } : {}),
    ...(box?.fractions ? { box: box.fractions } : {}),
    ...(metadata.length > 0 ? { metadata: Object.fromEntries(metadata) } : {}),
  }
  return { item, ...(box?.edges ? { edges: box.edges } : {}) }
}

/** The box of a row as it was given; `text` tells boxes of one image apart. */
interface ReadBox {
  readonly text: string
  readonly edges?: PixelEdges
  readonly fractions?: Box
}

function boxReader(columns: CsvColumns['box'], table: Table): ((row: TableRow) => ReadBox | undefined) | undefined {
  const { unit, ...names } = columns
  const wanted = Object.values(names)
  const present = wanted.filter((name) => table.columns.includes(name))
  if (present.length === 0 && unit === 'pixels') return undefined
  requireColumns(table, wanted)
  return (row) => {
    const cells = wanted.map((name) => row.values[name] ?? '')
    if (cells.every((cell) => ['', 'nan', 'none'].includes(cell.toLowerCase()))) return undefined
    const numbers = cells.map((cell) => (cell === '' ? Number.NaN : Number(cell)))
    if (numbers.some((value) => !Number.isFinite(value))) {
      throw rowError(
        table,
        row,
        'dataset/bad-box',
        `the box is ${cells.join(', ')}`,
        `four numbers in ${wanted.join(', ')}`,
      )
    }
    const text = numbers.join(',')
    const at = (name: string) => numbers[wanted.indexOf(name)]!
    if (columns.unit === 'pixels') {
      return {
        text,
        edges: { left: at(columns.left), right: at(columns.right), top: at(columns.top), bottom: at(columns.bottom) },
      }
    }
    return {
      text,
      fractions: fractionBox([at(columns.x), at(columns.y), at(columns.width), at(columns.height)], table, row),
    }
  }
}

/** Real annotations run past the image's edge a little: what lies outside is cut off. */
function fractionBox(
  [x, y, width, height]: readonly [number, number, number, number],
  table: Table,
  row: TableRow,
): Box {
  const fits = x >= 0 && x < 1 && y >= 0 && y < 1 && width > 0 && width <= 1 && height > 0 && height <= 1
  if (!fits)
    throw rowError(
      table,
      row,
      'dataset/bad-box',
      `the box is x ${x}, y ${y}, ${width} x ${height}`,
      'fractions of the image, 0 to 1',
    )
  return { x, y, width: Math.min(width, 1 - x), height: Math.min(height, 1 - y) }
}

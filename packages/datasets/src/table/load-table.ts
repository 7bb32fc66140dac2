import { dirname, resolve } from 'node:path'
import { type Dataset, type DatasetItem } from '@lookalike/core'
import { finishDataset, presentItems } from '../check/finish-dataset.js'
import type { LoadContext } from '../load-context.js'
import { createImageFinder, type ImageFinder } from '../paths/find-images.js'
import { splitClasses } from '../splits/split-classes.js'
import { type FoundColumns, findColumns } from './find-columns.js'
import { type BoxedItem, withPixelBoxes } from './pixel-boxes.js'
import { readCsv } from './read-csv.js'
import { readJsonLines } from './read-json-lines.js'
import { readParquet } from './read-parquet.js'
import { boxReader, type RowBox } from './row-box.js'
import { type LabelsOf, labelReader } from './row-labels.js'
import { type Part, partsByColumn, partsByRule } from './row-parts.js'
import { columnNamed, missingColumns, rowError, type Table, type TableRow, whereOf } from './table.js'
import {
  type ColumnOptions,
  type CsvOptions,
  type JsonLinesOptions,
  type ParquetOptions,
  type TableOptions,
  USUAL_COLUMNS,
} from './table-options.js'

type Context = Pick<LoadContext, 'folder' | 'warn' | 'signal' | 'images'>

/** A CSV file of images and labels: the layout of open-metric-learning, or any other through `columns` and `splits`. */
export async function loadCsv(options: CsvOptions, context: Context): Promise<Dataset> {
  const { separator, encoding } = options
  const known = knownColumns(options.columns)
  const file = resolve(context.folder, options.file)
  return loadTable('csv', await readCsv(file, { separator, encoding, known, warn: context.warn }), options, context)
}

/** A JSON Lines file of images and labels. */
export async function loadJsonLines(options: JsonLinesOptions, context: Context): Promise<Dataset> {
  const { encoding } = options
  const file = resolve(context.folder, options.file)
  return loadTable('jsonl', await readJsonLines(file, { encoding, warn: context.warn }), options, context)
}

/** A Parquet file of labels and images, by path or by their bytes. */
export async function loadParquet(options: ParquetOptions, context: Context): Promise<Dataset> {
  return loadTable('parquet', await readParquet(resolve(context.folder, options.file)), options, context)
}

const knownColumns = (columns: ColumnOptions) => [
  ...Object.values(USUAL_COLUMNS).flat(),
  ...Object.values(columns).filter((name) => typeof name === 'string'),
]

async function loadTable(name: string, table: Table, options: TableOptions, context: Context): Promise<Dataset> {
  const root = options.root === undefined ? dirname(table.file) : resolve(context.folder, options.root)
  const columns = findColumns(table, options.columns)
  const metadata = options.metadata.map((wanted) => {
    const column = columnNamed(table, wanted)
    if (column === undefined) throw missingColumns(table, [wanted])
    return { name: wanted, column }
  })
  const partOf = options.splits ? partsByRule(options.splits, columns, table, context) : partsByColumn(columns, table)
  const reader: ItemReader = {
    table,
    columns,
    metadata,
    root,
    images: createImageFinder(root, context.images?.paths),
    labelsOf: labelReader(table, columns.label, options.labelSeparator, context),
    boxOf: options.boxes ? boxReader(options.columns.box, table) : undefined,
  }
  const read: BoxedItem[] = []
  for (const row of table.rows) {
    context.signal?.throwIfAborted()
    const part = partOf(row)
    if (part) read.push(await readItem(row, part, reader))
  }
  const present = await presentItems(name, read, ({ item }) => item, context, options.missingImages)
  const items = await withPixelBoxes(present, context)
  return finishDataset(name, splitClasses(items, options), context, { duplicates: true })
}

interface ItemReader {
  readonly table: Table
  readonly columns: FoundColumns
  readonly metadata: readonly { readonly name: string; readonly column: string }[]
  readonly root: string
  readonly images: ImageFinder
  readonly labelsOf: LabelsOf
  readonly boxOf: ((row: TableRow) => RowBox | undefined) | undefined
}

async function readItem(row: TableRow, part: Part, reader: ItemReader): Promise<BoxedItem> {
  const { table, columns, metadata } = reader
  const image = await imageOf(row, reader)
  const labels = reader.labelsOf(row)
  const box = reader.boxOf?.(row)
  const id = columns.id === undefined ? undefined : row.values[columns.id]
  const category = columns.category === undefined ? '' : (row.values[columns.category] ?? '').normalize('NFC')
  const sequence = columns.sequence === undefined ? '' : (row.values[columns.sequence] ?? '')
  const kept = metadata.map(({ name, column }) => [name, row.values[column] ?? ''] as const)
  const item: DatasetItem = {
    id: id ?? (box ? `${image.id}#${box.text}` : image.id),
    source: image.source,
    label: labels[0]!,
    labels: labels.length > 1 ? labels : undefined,
    ...part,
    category: category || undefined,
    sequence: sequence || undefined,
    box: box?.fractions,
    metadata: kept.length > 0 ? Object.fromEntries(kept) : undefined,
  }
  return { item, edges: box?.edges, where: whereOf(table, row) }
}

async function imageOf(row: TableRow, { table, columns, root, images }: ItemReader) {
  const path = row.values[columns.path] ?? ''
  const bytes = row.bytes?.[columns.path]
  if (bytes) return { id: path === '' ? `row ${row.line}` : path, source: bytes }
  if (path === '') {
    throw rowError(table, row, 'dataset/missing-path', `the column ${columns.path} is empty`, 'the path of an image')
  }
  const found = await images.find(path)
  if (found) return found
  throw rowError(
    table,
    row,
    'dataset/path-outside',
    `${path} leads out of ${root}`,
    'a path inside the root, the option root set to a folder above all images, or the folder named in images.paths',
  )
}

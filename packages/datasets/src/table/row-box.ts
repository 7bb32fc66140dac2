import type { Box } from '@lookalike/core'
import type { PixelEdges } from './pixel-boxes.js'
import { columnNamed, requireColumns, rowError, type Table, type TableRow } from './table.js'
import type { BoxColumns } from './table-options.js'

/** The box of a row as it was given; `text` tells boxes of one image apart. */
export interface RowBox {
  readonly text: string
  readonly edges?: PixelEdges | undefined
  readonly fractions?: Box | undefined
}

interface Layout {
  /** Two corners, a corner and a size, or the centre and a size. */
  readonly kind: 'edges' | 'size' | 'centre'
  readonly unit: 'pixels' | 'fractions' | 'either'
  /** Left, top (or the centre's x, y), and right, bottom or width, height. */
  readonly columns: readonly [string, string, string, string]
}

/** How annotation tools call the four numbers, in the order in which they are looked for. */
const USUAL: readonly Omit<Layout, 'unit'>[] = [
  { kind: 'edges', columns: ['x_1', 'y_1', 'x_2', 'y_2'] },
  { kind: 'edges', columns: ['x1', 'y1', 'x2', 'y2'] },
  { kind: 'edges', columns: ['x0', 'y0', 'x1', 'y1'] },
  { kind: 'edges', columns: ['xtl', 'ytl', 'xbr', 'ybr'] },
  { kind: 'edges', columns: ['bbox_x1', 'bbox_y1', 'bbox_x2', 'bbox_y2'] },
  { kind: 'edges', columns: ['xmin', 'ymin', 'xmax', 'ymax'] },
  { kind: 'edges', columns: ['x_min', 'y_min', 'x_max', 'y_max'] },
  { kind: 'edges', columns: ['left', 'top', 'right', 'bottom'] },
  { kind: 'size', columns: ['x', 'y', 'w', 'h'] },
  { kind: 'size', columns: ['x', 'y', 'width', 'height'] },
  { kind: 'size', columns: ['left', 'top', 'width', 'height'] },
  { kind: 'size', columns: ['bbox_x', 'bbox_y', 'bbox_w', 'bbox_h'] },
  { kind: 'size', columns: ['bbox_x', 'bbox_y', 'bbox_width', 'bbox_height'] },
  { kind: 'size', columns: ['bbox_left', 'bbox_top', 'bbox_width', 'bbox_height'] },
  { kind: 'centre', columns: ['x_center', 'y_center', 'width', 'height'] },
  { kind: 'centre', columns: ['xcenter', 'ycenter', 'width', 'height'] },
]
/** A list of four numbers in one cell, as COCO has it. */
const LIST = 'bbox'
const FOUR_NUMBERS = /^[[(]?\s*([-+\d.eE]+(?:[\s,;]+[-+\d.eE]+){3})\s*[\])]?$/

/**
 * Reads the boxes of rows; undefined when the table has none.
 *
 * @throws `dataset/missing-columns`, `dataset/bad-box`
 */
export function boxReader(
  named: BoxColumns | undefined,
  table: Table,
): ((row: TableRow) => RowBox | undefined) | undefined {
  const layout = named ? layoutOf(named) : findLayout(table)
  if (!layout) return undefined
  const cellsOf = cellReader(layout, table)
  const unit = layout.unit === 'either' ? unitOf(table, cellsOf) : layout.unit
  return (row) => {
    const cells = cellsOf(row)
    if (!cells) return undefined
    const numbers = cells.map(numberOf) as [number, number, number, number]
    if (numbers.length !== 4 || numbers.some((value) => !Number.isFinite(value))) {
      throw rowError(
        table,
        row,
        'dataset/bad-box',
        `the box is ${cells.join(', ')}`,
        `four numbers in ${layout.columns.join(', ')}`,
      )
    }
    return boxOf(numbers, layout.kind, unit, table, row)
  }
}

function layoutOf(named: BoxColumns): Layout {
  if ('left' in named)
    return { kind: 'edges', unit: 'pixels', columns: [named.left, named.top, named.right, named.bottom] }
  return { kind: 'size', unit: named.unit, columns: [named.x, named.y, named.width, named.height] }
}

function findLayout(table: Table): Layout | undefined {
  for (const { kind, columns } of USUAL) {
    const found = columns.map((name) => columnNamed(table, name))
    if (found.every((name) => name !== undefined))
      return { kind, unit: 'either', columns: found as unknown as Layout['columns'] }
    // Two of the four names of a corner's pair are no accident.
    if (kind === 'edges' && columns[0] === 'x_1' && found.some((name) => name !== undefined))
      requireColumns(table, columns)
  }
  return table.rows.some((row) => listOf(row, table))
    ? { kind: 'size', unit: 'either', columns: [LIST, LIST, LIST, LIST] }
    : undefined
}

/** The four cells of a row; undefined where all are empty. */
function cellReader({ columns }: Layout, table: Table): (row: TableRow) => readonly string[] | undefined {
  if (columns[0] === LIST && columns[1] === LIST) return (row) => listOf(row, table)
  requireColumns(table, columns)
  return ({ values }) => {
    const cells = columns.map((name) => values[name] ?? '')
    return cells.every((cell) => ['', 'nan', 'none', 'null'].includes(cell.toLowerCase())) ? undefined : cells
  }
}

/** Formats without lists write one as text: `[5, 2, 10, 4]`, `5 2 10 4`. */
function listOf({ lists, values }: TableRow, table: Table): readonly string[] | undefined {
  if (lists?.[LIST]) return lists[LIST]
  const column = columnNamed(table, LIST)
  const four = column === undefined ? undefined : FOUR_NUMBERS.exec((values[column] ?? '').trim())?.[1]
  return four?.split(/[\s,;]+/)
}

/** Numbers of a file whose largest is 1 are fractions: no box of a photograph is one pixel wide. */
function unitOf(table: Table, cellsOf: (row: TableRow) => readonly string[] | undefined): 'pixels' | 'fractions' {
  const above = table.rows.some((row) => cellsOf(row)?.some((cell) => numberOf(cell) > 1))
  return above ? 'pixels' : 'fractions'
}

/** `12.5`, or `12,5` where people write it so. NaN for anything else. */
function numberOf(cell: string): number {
  if (cell === '') return Number.NaN
  return Number(/^[+-]?\d+,\d+$/.test(cell) ? cell.replace(',', '.') : cell)
}

function boxOf(
  numbers: readonly [number, number, number, number],
  kind: Layout['kind'],
  unit: 'pixels' | 'fractions',
  table: Table,
  row: TableRow,
): RowBox {
  const [a, b] = [numbers[2], numbers[3]]
  const [left, top] = kind === 'centre' ? [numbers[0] - a / 2, numbers[1] - b / 2] : ([numbers[0], numbers[1]] as const)
  const [right, bottom] = kind === 'edges' ? [a, b] : [left + a, top + b]
  // The order in which open-metric-learning lists the edges.
  const text = kind === 'edges' ? [left, right, top, bottom].join(',') : numbers.join(',')
  if (!(right > left) || !(bottom > top)) {
    const expected = kind === 'edges' ? 'left < right and top < bottom' : 'a width and height above 0'
    throw rowError(table, row, 'dataset/bad-box', `the box is ${numbers.join(', ')}, which has no area`, expected)
  }
  if (unit === 'pixels') return { text, edges: { left, top, right, bottom } }
  if (!(left < 1 && top < 1 && right > 0 && bottom > 0 && a <= 1 && b <= 1)) {
    throw rowError(
      table,
      row,
      'dataset/bad-box',
      `the box is ${numbers.join(', ')}`,
      'fractions of the image, 0 to 1, or the unit pixels in columns.box',
    )
  }
  // Real annotations run past the image's edge a little: what lies outside is cut off.
  const x = Math.max(left, 0)
  const y = Math.max(top, 0)
  // A size that fits is kept to the last digit.
  const width = kind !== 'edges' && left >= 0 ? a : right - x
  const height = kind !== 'edges' && top >= 0 ? b : bottom - y
  return { text, fractions: { x, y, width: Math.min(width, 1 - x), height: Math.min(height, 1 - y) } }
}

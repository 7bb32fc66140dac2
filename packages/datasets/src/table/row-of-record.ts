import type { TableRow } from './table.js'

/** A row of a format whose cells have types. Numbers and truth values become text; structures that are no lists become JSON. */
export function rowOfRecord(record: Readonly<Record<string, unknown>>, line: number): TableRow {
  const values: { [column: string]: string } = Object.create(null)
  const lists: { [column: string]: readonly string[] } = Object.create(null)
  const bytes: { [column: string]: Uint8Array } = Object.create(null)
  for (const [name, cell] of Object.entries(record)) {
    const file = fileOf(cell)
    if (file) {
      bytes[name] = file.bytes
      values[name] = file.path
    } else if (Array.isArray(cell)) {
      lists[name] = cell.map(textOf)
      values[name] = lists[name].join(', ')
    } else values[name] = textOf(cell)
  }
  return { line, values, lists, bytes }
}

/** Bytes, or bytes beside the name of their file, as Hugging Face's datasets keep images. */
function fileOf(cell: unknown): { readonly bytes: Uint8Array; readonly path: string } | undefined {
  if (cell instanceof Uint8Array) return looksLikeText(cell) ? undefined : { bytes: cell, path: '' }
  if (typeof cell !== 'object' || cell === null) return undefined
  const { bytes, path } = cell as { readonly bytes?: unknown; readonly path?: unknown }
  return bytes instanceof Uint8Array ? { bytes, path: textOf(path) } : undefined
}

/** Columns of text may come without their type. Encoded images start with bytes that no text has, or are long. */
const looksLikeText = (bytes: Uint8Array) => bytes.length < 1024 && bytes.every((byte) => byte >= 0x20 || byte === 9)

function textOf(cell: unknown): string {
  if (cell === null || cell === undefined) return ''
  if (typeof cell === 'string') return cell.trim()
  if (cell instanceof Uint8Array) return Buffer.from(cell).toString('utf8').trim()
  if (cell instanceof Date) return cell.toISOString()
  return typeof cell === 'object' ? JSON.stringify(cell, withBigInts) : String(cell)
}

const withBigInts = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value)

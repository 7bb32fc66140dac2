import type { GalleryItem, MetadataValue } from '@lookalike/core'
import type { Field } from 'apache-arrow'
import { arrow } from './arrow.js'

/** What filters compare a metadata value with: a column for each type that a key has somewhere. */
const TYPES = { text: 'string', number: 'number', flag: 'boolean' } as const
type ColumnType = keyof typeof TYPES

/** Column names have no capitals and no signs, as SQL and Lance fold some and read others. */
export const columnOf = (type: ColumnType, key: string): string =>
  /^[a-z0-9_]+$/.test(key) ? `${type}_${key}` : `${type}x_${Buffer.from(key).toString('hex')}`

/** The columns of a key; those that are not in the table hold nothing. */
export const columnsOf = (key: string): Record<ColumnType, string> => ({
  text: columnOf('text', key),
  number: columnOf('number', key),
  flag: columnOf('flag', key),
})

/** The key of a column that filters read; undefined for other columns. */
export function keyOf(column: string): string | undefined {
  const [, hex, rest] = /^(?:text|number|flag)(x?)_(.+)$/.exec(column) ?? []
  return rest === undefined || hex === '' ? rest : Buffer.from(rest, 'hex').toString()
}

const typeOf = (value: MetadataValue): ColumnType =>
  typeof value === 'string' ? 'text' : typeof value === 'number' ? 'number' : 'flag'

/** Fields that these images need. */
export function filterFields(items: readonly Pick<GalleryItem, 'metadata'>[]): Field[] {
  // Arrow writes a column of booleans that are all null in a way that LanceDB cannot read.
  const types = { text: new arrow.Utf8(), number: new arrow.Float64(), flag: new arrow.Int8() }
  const needed = new Map<string, Field>()
  for (const { metadata = {} } of items)
    for (const [key, value] of Object.entries(metadata)) {
      const name = columnOf(typeOf(value), key)
      if (!needed.has(name)) needed.set(name, new arrow.Field(name, types[typeOf(value)], true))
    }
  return [...needed.values()]
}

/** What a column of the table holds of an image's metadata. */
export function filterValue(column: string, metadata: GalleryItem['metadata']): string | number | null {
  const key = keyOf(column)
  const value = key !== undefined && metadata && Object.hasOwn(metadata, key) ? metadata[key] : undefined
  if (value === undefined || !column.startsWith(typeOf(value))) return null
  // Lance tells -0 from 0.
  return typeof value === 'string' ? value : Number(value) + 0
}

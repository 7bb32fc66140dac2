import type { GalleryItem, MetadataValue } from '@lookalike/core'

/** What filters compare a metadata value with: a field of the payload for each type that a value can have. */
const TYPES = ['text', 'number', 'flag'] as const
type FieldType = (typeof TYPES)[number]

/** The field of the payload that holds them. */
export const FILTER = 'filter'

/** Qdrant reads names of fields as paths, in which dots, brackets and quotes say something. */
const nameOf = (type: FieldType, key: string): string =>
  /^[A-Za-z0-9_]+$/.test(key) ? `${type}_${key}` : `${type}x_${Buffer.from(key).toString('hex')}`

/** The paths of a key's fields. */
export const fieldsOf = (key: string): Record<FieldType, string> => ({
  text: `${FILTER}.${nameOf('text', key)}`,
  number: `${FILTER}.${nameOf('number', key)}`,
  flag: `${FILTER}.${nameOf('flag', key)}`,
})

/** The key of a path that filters read; undefined for other fields. */
export function keyOf(field: string): string | undefined {
  const [, hex, rest] = /^filter\.(?:text|number|flag)(x?)_(.+)$/.exec(field) ?? []
  return rest === undefined || hex === '' ? rest : Buffer.from(rest, 'hex').toString()
}

const typeOf = (value: MetadataValue): FieldType =>
  typeof value === 'string' ? 'text' : typeof value === 'number' ? 'number' : 'flag'

/** What filters read of an image. */
export const filterFields = (metadata: GalleryItem['metadata']): Record<string, MetadataValue> =>
  Object.fromEntries(Object.entries(metadata ?? {}).map(([key, value]) => [nameOf(typeOf(value), key), value]))

/** The keys of these images. */
export const keysOf = (items: readonly Pick<GalleryItem, 'metadata'>[]): ReadonlySet<string> =>
  new Set(items.flatMap(({ metadata }) => Object.keys(metadata ?? {})))

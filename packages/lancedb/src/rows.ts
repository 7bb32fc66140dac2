import type { GalleryEntry, GalleryItem } from '@lookalike/core'
import type { Field, Table as Rows } from 'apache-arrow'
import type { Column } from './arrow.js'
import { filterValue } from './filter-columns.js'
import { type Held, uncertaintyColumn } from './held.js'

/** The columns of an entry. */
export const entryColumns = ({ generation }: Held): string[] => [
  'id',
  'hash',
  'metadata',
  'rejected',
  'source',
  'box',
  uncertaintyColumn(generation),
]

export function entriesOf(rows: Rows, { generation }: Held): GalleryEntry[] {
  const column = (name: string) => rows.getChild(name)
  const [ids, hashes, metadata, rejected, sources, boxes, uncertainties] = [
    column('id'),
    column('hash'),
    column('metadata'),
    column('rejected'),
    column('source'),
    column('box'),
    column(uncertaintyColumn(generation)),
  ]
  return Array.from({ length: rows.numRows }, (_, row) => {
    const [json, uncertainty, source, box] = [metadata, uncertainties, sources, boxes].map((each) => each?.get(row))
    return {
      id: ids?.get(row),
      hash: hashes?.get(row),
      rejected: rejected?.get(row) === true,
      metadata: typeof json === 'string' ? JSON.parse(json) : undefined,
      uncertainty: typeof uncertainty === 'number' ? uncertainty : undefined,
      source: typeof source === 'string' ? source : undefined,
      box: typeof box === 'string' ? JSON.parse(box) : undefined,
    }
  })
}

const json = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value))

/** What the fields hold of images, all but vectors. */
export function itemColumns(
  items: readonly GalleryItem[],
  fields: readonly Field[],
  { generation }: Held,
): Record<string, Column> {
  const own: Record<string, (item: GalleryItem) => unknown> = {
    id: ({ id }) => id,
    hash: ({ hash }) => hash,
    metadata: ({ metadata }) => json(metadata),
    rejected: ({ rejected }) => rejected ?? false,
    source: ({ source }) => source ?? null,
    box: ({ box }) => json(box),
    [uncertaintyColumn(generation)]: ({ uncertainty }) => uncertainty ?? null,
  }
  return Object.fromEntries(
    fields.map(({ name }) => {
      const of = own[name] ?? (({ metadata }: GalleryItem) => filterValue(name, metadata))
      return [name, items.map(of)]
    }),
  )
}

import type { Table } from '@lancedb/lancedb'
import { type GalleryDescription, type GalleryMember, LookalikeError } from '@lookalike/core'
import type { Field, Schema } from 'apache-arrow'
import { arrow, isVector, vectorField } from './arrow.js'
import { keyOf } from './filter-columns.js'

/** What the schema says of a gallery. */
export interface Held extends GalleryDescription {
  /** Of the searched vectors: each rewrite makes new columns, and the switch is that the old ones go. */
  readonly generation: number
  readonly fields: readonly Field[]
  /** Columns that filters read. */
  readonly columns: ReadonlySet<string>
}

const VERSION = '1'

export const vectorColumn = (generation: number): string => `vector_${generation}`
export const uncertaintyColumn = (generation: number): string => `uncertainty_${generation}`
/** The vectors of a member, by its place. */
export const memberColumn = (place: number): string => `member_${place}`

/** The columns of one generation. */
export const generationFields = (generation: number, space: string, dim: number): Field[] => [
  vectorField(vectorColumn(generation), dim, { space }),
  new arrow.Field(uncertaintyColumn(generation), new arrow.Float64(), true),
]

/** The schema of a new gallery. */
export function newSchema({ space, dim, members }: GalleryDescription): Schema {
  const text = (name: string, nullable: boolean) => new arrow.Field(name, new arrow.Utf8(), nullable)
  return new arrow.Schema(
    [
      text('id', false),
      text('hash', false),
      text('metadata', true),
      new arrow.Field('rejected', new arrow.Bool(), false),
      text('source', true),
      text('box', true),
      ...generationFields(1, space, dim),
      ...members.map((member, i) => vectorField(memberColumn(i), member.dim)),
    ],
    new Map([
      ['lookalike', VERSION],
      ['members', JSON.stringify(members)],
    ]),
  )
}

/** @throws `gallery/taken` for a table that is no gallery, `gallery/version` */
export async function readHeld(name: string, table: Table): Promise<Held> {
  const { fields, metadata } = await table.schema()
  const version = metadata.get('lookalike')
  if (version === undefined)
    throw new LookalikeError(
      'gallery/taken',
      {
        problem: `There is a table already that is no gallery: ${name}`,
        expected: 'the name of a gallery, or of nothing yet',
        fix: 'Choose another "table".',
      },
      { fields: { gallery: name } },
    )
  if (version !== VERSION)
    throw new LookalikeError(
      'gallery/version',
      {
        problem: `The gallery ${name} is of version ${version}`,
        expected: `version ${VERSION}, which this version of @lookalike/lancedb makes`,
        fix: 'Install a newer version of @lookalike/lancedb.',
      },
      { fields: { gallery: name, version } },
    )
  const generations = fields.flatMap((field) => {
    const [, generation] = /^vector_(\d+)$/.exec(field.name) ?? []
    return generation !== undefined && isVector(field) ? [{ generation: Number(generation), field }] : []
  })
  const [now] = generations.sort((a, b) => a.generation - b.generation)
  const members = JSON.parse(metadata.get('members') ?? '[]') as GalleryMember[]
  return {
    space: now?.field.metadata.get('space') ?? '',
    dim: now?.field.type.listSize ?? 0,
    generation: now?.generation ?? 0,
    members,
    fields,
    columns: new Set(fields.map((field) => field.name).filter((column) => keyOf(column) !== undefined)),
  }
}

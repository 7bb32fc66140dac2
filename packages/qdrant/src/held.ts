import { type GalleryDescription, type GalleryMember, LookalikeError } from '@lookalike/core'
import type { Schemas } from '@qdrant/js-client-rest'
import { fieldsOf, keyOf } from './filter-fields.js'
import { isMissing, statusOf } from './qdrant-errors.js'
import type { Call } from './qdrant-server.js'

/** Where a gallery is. */
export interface Place {
  readonly call: Call
  /** For people. */
  readonly name: string
  /** The alias that is the gallery. */
  readonly gallery: string
}

/** What the server says of a gallery. */
export interface Held extends GalleryDescription {
  /** What the alias stands for. */
  readonly collection: string
  /** Those that filters may read. */
  readonly keys: ReadonlySet<string>
  /** About. */
  readonly points: number
  readonly config: Schemas['CollectionConfig']
}

const VERSION = 1
/** The vectors that are searched. */
export const OWN = 'own'
/** A member's vectors, by its place. */
export const memberName = (place: number): string => `member_${place}`
/** The collection beside: what rerankers keep, and what writers and readers tell each other. */
export const besideOf = (gallery: string): string => `${gallery}-beside`

/** What the collection of a gallery says of itself, in its own metadata. */
interface Said {
  readonly lookalike: number
  readonly gallery: string
  readonly collection: string
  readonly space: string
  readonly members: readonly GalleryMember[]
}

/** @throws `gallery/taken` for a collection that is no gallery, `gallery/version` */
export async function findHeld(place: Place, collection = place.gallery): Promise<Held | undefined> {
  let info: Schemas['CollectionInfo']
  try {
    info = await place.call('getCollection', { collection_name: collection })
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
  const { config, payload_schema, points_count } = info
  const said = (config.metadata ?? {}) as Partial<Said>
  if (said.lookalike === undefined || said.gallery !== place.gallery) throw takenName(place.name, collection)
  if (said.lookalike !== VERSION) throw otherVersion(place.name, said.lookalike)
  const vectors = (config.params.vectors ?? {}) as Readonly<Record<string, Schemas['VectorParams']>>
  return {
    space: said.space ?? '',
    dim: vectors[OWN]?.size ?? 0,
    members: said.members ?? [],
    collection: said.collection ?? '',
    keys: new Set(Object.keys(payload_schema).flatMap((field) => keyOf(field) ?? [])),
    points: points_count ?? 0,
    config,
  }
}

/**
 * The gallery, made if it is not there. Its alias is made last: whoever finds it finds all.
 *
 * @throws `gallery/taken`, `gallery/version`
 */
export async function makeHeld(place: Place, wanted: GalleryDescription): Promise<Held> {
  for (;;) {
    const found = await findHeld(place)
    if (found) return found
    await makeBeside(place)
    // All who make it at the same time use one name: what one has written is never out of the other's sight.
    const collection = `${place.gallery}-1`
    await createCollection(place, collection, wanted)
    const made = await findHeld(place, collection)
    if (made && made.points === 0 && !isSame(made, wanted)) {
      // Of an opening that was broken off.
      await place.call('deleteCollection', { collection_name: collection })
      continue
    }
    if (!(await findHeld(place))) await pointAlias(place, collection)
  }
}

const isSame = (one: GalleryDescription, other: GalleryDescription): boolean =>
  JSON.stringify([one.space, one.dim, one.members]) === JSON.stringify([other.space, other.dim, other.members])

/** Makes the alias stand for a collection, whatever it stood for: one action, since a list of them is not undone where its second fails. */
export async function pointAlias({ call, gallery }: Place, collection: string): Promise<void> {
  const action = { create_alias: { alias_name: gallery, collection_name: collection } }
  await call('updateAliases', { actions: [action] })
}

/**
 * Makes a collection for images, unless it is there.
 *
 * @param like whose settings it gets: what was set on the server stays through a rewrite
 */
export async function createCollection(
  place: Place,
  collection: string,
  { space, dim, members }: GalleryDescription,
  like?: Held,
): Promise<void> {
  const old = (like?.config.params.vectors ?? {}) as Readonly<Record<string, Schemas['VectorParams']>>
  const own = { ...old[OWN], size: dim, distance: 'Dot' as const }
  const kept = members.map((member, i) => [
    memberName(i),
    // They are never searched.
    { hnsw_config: { m: 0 }, on_disk: true, ...old[memberName(i)], size: member.dim, distance: 'Dot' as const },
  ])
  const said: Said = { lookalike: VERSION, gallery: place.gallery, collection, space, members }
  await createUnlessThere(place, collection, {
    vectors: { [OWN]: own, ...Object.fromEntries(kept) },
    metadata: { ...said },
    ...(like && settingsOf(like.config)),
  })
  await createIndexes(place, collection, [
    ['rejected', 'bool'],
    ['source', 'keyword'],
  ])
  await indexKeys(place, collection, like?.keys ?? [])
}

const settingsOf = ({ params, ...config }: Schemas['CollectionConfig']): Partial<Schemas['CreateCollection']> => ({
  hnsw_config: config.hnsw_config,
  optimizers_config: config.optimizer_config,
  quantization_config: config.quantization_config ?? null,
  strict_mode_config: config.strict_mode_config ?? null,
  shard_number: params.shard_number ?? null,
  replication_factor: params.replication_factor ?? null,
  write_consistency_factor: params.write_consistency_factor ?? null,
  on_disk_payload: params.on_disk_payload ?? null,
})

/** Makes keys ones that filters may read. */
export async function indexKeys(place: Place, collection: string, keys: Iterable<string>): Promise<void> {
  for (const key of keys) {
    // All three: where a server refuses filters without an index, no value of the other types would be an error.
    const { text, number, flag } = fieldsOf(key)
    await createIndexes(place, collection, [
      [text, 'keyword'],
      [number, 'float'],
      [flag, 'bool'],
    ])
  }
}

async function createIndexes(
  { call }: Place,
  collection: string,
  fields: readonly (readonly [string, 'bool' | 'keyword' | 'float'])[],
): Promise<void> {
  for (const [field_name, field_schema] of fields)
    await call('createFieldIndex', { collection_name: collection, field_name, field_schema, wait: true })
}

/** The collection beside has no vectors. */
async function makeBeside(place: Place): Promise<void> {
  const collection = besideOf(place.gallery)
  const said: Said = { lookalike: VERSION, gallery: place.gallery, collection, space: '', members: [] }
  await createUnlessThere(place, collection, { vectors: {}, metadata: { ...said } })
  await createIndexes(place, collection, [['owner', 'keyword']])
}

async function createUnlessThere(place: Place, collection: string, wanted: Schemas['CreateCollection']): Promise<void> {
  try {
    await place.call('createCollection', { collection_name: collection, ...wanted })
  } catch (error) {
    if (statusOf(error) !== 409) throw error
  }
  const { config } = await place.call('getCollection', { collection_name: collection })
  const said = config.metadata as Partial<Said> | undefined
  if (said?.lookalike !== undefined && said.gallery === place.gallery) return
  throw takenName(place.name, collection)
}

const otherVersion = (name: string, version: number) =>
  new LookalikeError(
    'gallery/version',
    {
      problem: `The gallery ${name} is of version ${version}`,
      expected: `version ${VERSION}, which this version of @lookalike/qdrant makes`,
      fix: 'Install a newer version of @lookalike/qdrant.',
    },
    { fields: { gallery: name, version } },
  )

const takenName = (name: string, collection: string) =>
  new LookalikeError(
    'gallery/taken',
    {
      problem: `There is a collection "${collection}" already that is not of the gallery ${name}`,
      expected: 'a name that nothing has yet, on Qdrant 1.16 or newer',
      fix: 'Choose another "collection".',
    },
    { fields: { gallery: name, collection } },
  )

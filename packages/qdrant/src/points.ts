import { randomUUID } from 'node:crypto'
import {
  createEmbeddings,
  type Embeddings,
  type GalleryChange,
  type GalleryEntry,
  type GalleryItem,
  LookalikeError,
  rowOf,
} from '@lookalike/core'
import type { Schemas } from '@qdrant/js-client-rest'
import { FILTER, filterFields } from './filter-fields.js'
import { type Held, memberName, OWN } from './held.js'

export type Point = Schemas['PointStruct']
export type Found = Pick<Schemas['Record'], 'id' | 'payload' | 'vector'>

/** Points that are asked for at a time. */
export const LOOKED_UP = 1000
/** Bytes of a request; Qdrant takes 32 MB. */
const REQUEST_BYTES = 12 << 20
/** A value of a vector as text. */
const VALUE_BYTES = 22

/** What the payload holds of a change. Numbers and records are kept as texts: Qdrant reads decimals with an error of one unit in the last place. */
export function payloadOf({
  metadata,
  uncertainty,
  rejected,
  source,
}: Omit<GalleryChange, 'id'>): Record<string, unknown> {
  return {
    revision: randomUUID(),
    ...(metadata !== undefined && { metadata: JSON.stringify(metadata), [FILTER]: filterFields(metadata) }),
    uncertainty: uncertainty === undefined ? undefined : JSON.stringify(uncertainty),
    rejected,
    source,
  }
}

/** @param at the row of the matrices: the searched vectors, then the members' */
export function pointOf(id: string, item: GalleryItem, matrices: readonly Embeddings[], at: number): Point {
  return {
    id,
    vector: Object.fromEntries(
      matrices.map((matrix, i) => [i === 0 ? OWN : memberName(i - 1), [...rowOf(matrix, at)]]),
    ),
    payload: {
      id: item.id,
      hash: item.hash,
      ...payloadOf({ ...item, rejected: item.rejected ?? false }),
      box: item.box && JSON.stringify(item.box),
    },
  }
}

export function entryOf({ payload }: Found): GalleryEntry {
  const { id, hash, metadata, uncertainty, rejected, source, box } = (payload ?? {}) as Record<string, string>
  return {
    id: id ?? '',
    hash: hash ?? '',
    rejected: (rejected as unknown) === true,
    metadata: metadata && JSON.parse(metadata),
    uncertainty: uncertainty && JSON.parse(uncertainty),
    source,
    box: box && JSON.parse(box),
  }
}

/** The fields of an entry; nothing that only filters read. */
export const ENTRY: readonly string[] = ['id', 'hash', 'metadata', 'uncertainty', 'rejected', 'source', 'box']

/** @throws `gallery/damaged` */
export function matrixOf(
  name: string,
  points: readonly Found[],
  vector: string,
  { space, dim }: { readonly space: string; readonly dim: number },
): Embeddings<'gallery'> {
  const data = new Float32Array(points.length * dim)
  points.forEach((point, row) => data.set(vectorOf(name, point, vector, dim), row * dim))
  return createEmbeddings({ data, rows: points.length, dim, space, role: 'gallery' })
}

export const membersOf = (
  name: string,
  { members }: Held,
  points: readonly Found[],
): Record<string, Embeddings<'gallery'>> =>
  Object.fromEntries(members.map((member, i) => [member.name, matrixOf(name, points, memberName(i), member)]))

/** @throws `gallery/damaged` where a point lacks it */
export function vectorOf(name: string, { id, vector }: Found, which: string, dim: number): readonly number[] {
  const found = (vector as Readonly<Record<string, unknown>> | null | undefined)?.[which]
  if (Array.isArray(found) && found.length === dim) return found as number[]
  throw new LookalikeError(
    'gallery/damaged',
    {
      problem: `The gallery ${name} has a point without its vector: ${id}`,
      expected: `${dim} numbers as "${which}"`,
      fix: 'Restore it from a snapshot, or index the images into another.',
    },
    { fields: { gallery: name, point: id } },
  )
}

/** Items of some megabytes together. */
export function* blocksOf<T extends { readonly metadata?: unknown }>(
  items: readonly T[],
  values: number,
): Generator<[number, number]> {
  let from = 0
  let bytes = 0
  for (const [i, { metadata }] of items.entries()) {
    // The metadata are there twice; the rest is small.
    const own = values * VALUE_BYTES + 2 * JSON.stringify(metadata ?? '').length + 1000
    if (i > from && bytes + own > REQUEST_BYTES) {
      yield [from, i]
      from = i
      bytes = 0
    }
    bytes += own
  }
  if (from < items.length) yield [from, items.length]
}

/** A list in parts of so many. */
export function* partsOf<T>(list: readonly T[], size = LOOKED_UP): Generator<readonly T[]> {
  for (let from = 0; from < list.length; from += size) yield list.slice(from, from + size)
}

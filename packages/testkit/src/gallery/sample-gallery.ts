import { createEmbeddings, type Embeddings, type Filter, type GalleryItem, rowOf, selectRows } from '@lookalike/core'
import { sampleVectors } from '../vectors.js'

export const SPACE = 'testkit/vectors'
export const MEMBER = { name: 'member', space: 'testkit/member', dim: 4 }
export const ROWS = 120

/** Ids that something between here and the disk may trip over. */
const AWKWARD = [
  "it's; DROP TABLE items --",
  'a "quoted" id',
  'back\\slash/and/slash',
  'ключ 鍵 🗝',
  '%_?*',
  ' spaces ',
  'x'.repeat(400),
  'Case',
  'case',
]

export const idOf = (i: number): string => AWKWARD[i] ?? `image-${i}`

/** Images with metadata of every type; some lack some keys. */
export const sampleItems: readonly GalleryItem[] = Array.from({ length: ROWS }, (_, i) => ({
  id: idOf(i),
  hash: `hash-${i}`,
  metadata: {
    colour: ['red', 'green', 'blue'][i % 3]!,
    number: i,
    share: i / 8 - 3.5,
    sold: i % 2 === 0,
    ...(i % 5 === 0 && { 'a "key", of.its\' own': i }),
    ...(i % 4 === 0 && { mixed: i % 8 === 0 ? i : `${i}` }),
    ...(i === 7 && { rare: 'only once' }),
  },
  ...(i % 3 === 0 && { uncertainty: i / 100 }),
  ...(i % 10 === 9 && { rejected: true }),
  ...(i % 2 === 1 && { source: `photos/${i}.jpg` }),
  ...(i % 6 === 1 && { box: { x: 0.25, y: 0, width: 0.5, height: 1 } }),
}))

export const sampleFilters: Readonly<Record<string, Filter>> = {
  'a text': { colour: 'red' },
  'a list': { colour: ['red', 'blue'] },
  'an empty list': { colour: [] },
  'a whole number': { number: 12 },
  'a fraction': { share: -3.375 },
  'true or false': { sold: false },
  'a text where there are numbers': { number: '12' },
  'values of two types': { mixed: [8, '4'] },
  'a range': { number: { gte: 10, lt: 14 } },
  'a range of a key that is a text in some': { mixed: { gt: 8 } },
  'a half-open range of fractions': { share: { lte: -3.4 } },
  'a key that is there': { mixed: { exists: true } },
  'a key that is not there': { rare: { exists: false } },
  'a value that one image has': { rare: 'only once' },
  'a key with quotes and a dot': { 'a "key", of.its\' own': { lt: 40 } },
  'several keys': { colour: 'green', sold: true, number: { gt: 30 } },
  'one or the other': { $or: [{ number: { lt: 3 } }, { number: { gt: 117 } }, { rare: 'only once' }] },
  'both in one list': { $and: [{ colour: ['red', 'green'] }, { $or: [{ sold: true }, { number: 1 }] }] },
  'nothing of a list': { $or: [] },
  everything: {},
}

export const rowsOf = (embeddings: Embeddings, from: number, to: number): Embeddings =>
  selectRows(
    embeddings,
    Array.from({ length: to - from }, (_, i) => from + i),
  )

export const sampleRows = (dim: number, rows = ROWS, seed = 'gallery'): Embeddings =>
  sampleVectors(seed, rows, dim, SPACE, 'any')

export const memberRows = (rows = ROWS): Embeddings =>
  sampleVectors('member', rows, MEMBER.dim, MEMBER.space, 'gallery')

/** The same vector in another space and of another length. */
export function mapped(vector: ArrayLike<number>, dim: number): number[] {
  return Array.from({ length: dim }, (_, i) => vector[i % vector.length]! * (i + 1))
}

export function mappedRows(embeddings: Embeddings, space: string, dim: number): Embeddings {
  const data = Array.from({ length: embeddings.rows }, (_, row) => mapped(rowOf(embeddings, row), dim)).flat()
  return createEmbeddings({ data, rows: embeddings.rows, dim, space, role: 'gallery' })
}

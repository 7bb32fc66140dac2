import { createEmbeddings } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import { fakePool } from '../testing/fake-pool.js'
import { memoryGallery } from '../testing/memory-gallery.js'
import { assertShared, createBeside } from './beside.js'
import { createService, type ServiceSearch } from './create-service.js'

type Images = readonly (readonly [id: string, hash: string, vector: readonly [number, number, number]])[]

async function galleryOf(images: Images) {
  const gallery = memoryGallery('/nowhere')
  const data = Float32Array.from(images.flatMap(([, , vector]) => vector))
  const embeddings = createEmbeddings({ data, rows: images.length, dim: 3, space: 'colours/1', role: 'gallery' })
  await gallery.add(
    images.map(([id, hash]) => ({ id, hash, metadata: { end: id.at(-1)! } })),
    { embeddings },
  )
  return gallery
}

const FIRST: Images = [
  ['a', 'h-a', [1, 0, 0]],
  ['b', 'h-b', [0.8, 0.6, 0]],
  ['c', 'h-c', [0.6, 0.8, 0]],
  ['own', 'h-own', [0, 0, 1]],
]
/** Other ids, a copy, one that the first lacks, and the opposite order. */
const SECOND: Images = [
  ['x/a', 'h-a', [1, 0, 0]],
  ['stranger', 'h-z', [1, 0, 0]],
  ['x/b', 'h-b', [0.6, 0.8, 0]],
  ['x/c', 'h-c', [0.8, 0.6, 0]],
  ['x/c again', 'h-c', [0.8, 0.6, 0]],
]
const ask: ServiceSearch = {
  positives: [{ id: 'a' }],
  negatives: [],
  includeRejected: false,
  includeExamples: false,
  k: 10,
  offset: 0,
  rerank: false,
  compare: true,
  distances: 0,
}

async function served() {
  const [first, second] = [await galleryOf(FIRST), await galleryOf(SECOND)]
  const beside = { name: 'other', gallery: second, pool: fakePool() }
  const parts = { gallery: first, pool: fakePool(), writable: true, cacheFolder: '/nowhere' }
  return { first, second, service: createService({ ...parts, beside }) }
}

describe('a model beside', () => {
  it('answers the same query with ids of the first gallery, and says what moved', async () => {
    const { service } = await served()
    const { hits, beside } = await service.search(ask)
    expect(hits.map(({ entry }) => entry.id)).toEqual(['b', 'c', 'own'])
    expect(beside!.hits.map(({ entry, rank, rankBefore }) => [entry.id, rank, rankBefore])).toEqual([
      ['c', 1, 2],
      ['b', 2, 1],
    ])
    expect(beside!.hits[0]!.distance).toBeCloseTo(0.2)
    expect(beside!.hits[0]!.distanceBefore).toBeCloseTo(0.4)
    expect(beside!.more).toBe(false)
    const second = await service.search({ ...ask, k: 1, offset: 1 })
    expect(second.beside!.hits.map(({ entry, rank }) => [entry.id, rank])).toEqual([['b', 2]])
    expect(await service.beside!.info()).toMatchObject({ name: 'other', model: 'colours', size: 5, shared: 3 })
  })

  it('embeds pictures, and images that only the first gallery holds', async () => {
    const { service } = await served()
    const { beside } = await service.search({ ...ask, positives: [{ bytes: Uint8Array.of(4, 3, 0) }], k: 2 })
    expect(beside!.hits.map(({ entry }) => entry.id)).toEqual(['c', 'b'])
    expect(beside!.more).toBe(true)
    await expect(service.search({ ...ask, positives: [{ id: 'own' }] })).rejects.toMatchObject({
      code: 'serve/no-picture',
    })
  })

  it('leaves out what the first gallery rejects, though it holds more images than are asked for', async () => {
    const { service, second } = await served()
    await service.reject(['c'], true)
    const strangers: Images = Array.from({ length: 40 }, (_, i) => [`s${i}`, `h-s${i}`, [1, 0, 0]])
    await second.add(
      strangers.map(([id, hash]) => ({ id, hash })),
      { embeddings: await (await galleryOf(strangers)).vectors(strangers.map(([id]) => id)) },
    )
    const { beside } = await service.search({ ...ask, k: 1 })
    expect(beside!.hits.map(({ entry }) => entry.id)).toEqual(['b'])
    const all = await service.search({ ...ask, k: 1, includeRejected: true })
    expect(all.beside!.hits.map(({ entry }) => entry.id)).toEqual(['c'])
  })

  it('narrows down', async () => {
    const { service } = await served()
    const { hits, beside } = await service.search({ ...ask, filter: { end: 'b' } })
    expect([hits, beside!.hits].map((list) => list.map(({ entry }) => entry.id))).toEqual([['b'], ['b']])
  })

  it('is refused where there is none, and where nothing is shared', async () => {
    const first = await galleryOf(FIRST)
    const alone = createService({ gallery: first, pool: fakePool(), writable: false, cacheFolder: '/nowhere' })
    await expect(alone.search(ask)).rejects.toMatchObject({ code: 'serve/no-beside' })
    const other = await galleryOf([['a', 'another picture', [1, 0, 0]]])
    const beside = createBeside({ name: 'other', gallery: other, pool: fakePool() }, first, () => 0)
    await expect(assertShared(beside, first)).rejects.toThrow(/share no image/)
  })
})

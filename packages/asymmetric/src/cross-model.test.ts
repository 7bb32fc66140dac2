import { type Encoder, type ImageRequest } from '@lookalike/core'
import { embedImages, modelOfCombiner } from '@lookalike/image'
import { describe, expect, it } from 'vitest'
import { crossModel } from './cross-model.js'
import { fitLikelihood } from './ensemble/fit-likelihood.js'
import { lazyEncoder } from './lazy-encoder.js'
import { meanCosine } from './testing/paired.js'
import { toyEncoder, toyImages } from './testing/toy.js'
import { fitTransform } from './transforms/fit-transform.js'
import { pairEmbeddings } from './transforms/pair-embeddings.js'

const images = toyImages(120, 1)

async function memberOf(name: string, encoder: Encoder, query: Encoder) {
  const [from, to] = [await embedImages(encoder, images), await embedImages(query, images)]
  const { transform } = await fitTransform(
    pairEmbeddings(from.embeddings, to.embeddings),
    { kind: 'linear' },
    { seed: 0, threads: 1 },
  )
  return { name, encoder, transform }
}

async function ensemble(count: number) {
  const query = toyEncoder('light', 6, 1)
  const heavy = Array.from({ length: count }, (_, i) => toyEncoder(`heavy-${i}`, 8 + i, 10 + i))
  const members = []
  for (const [i, encoder] of heavy.entries()) members.push(await memberOf(`heavy-${i}`, encoder, query))
  return { query, heavy, members, combiner: await crossModel({ query, members, threads: 1 }) }
}

describe('a cross-model ensemble', () => {
  it('never shows a query to a gallery model, nor a gallery image to the query model', async () => {
    const { query, heavy, combiner } = await ensemble(2)
    const before = [query.seen(), ...heavy.map(({ seen }) => seen())]
    const model = modelOfCombiner(combiner)
    await model.embed(images.slice(0, 10), 'query')
    expect([query.seen(), ...heavy.map(({ seen }) => seen())]).toEqual([before[0]! + 10, before[1], before[2]])
    await model.embed(images.slice(0, 7), 'gallery')
    expect([query.seen(), ...heavy.map(({ seen }) => seen())]).toEqual([
      before[0]! + 10,
      before[1]! + 7,
      before[2]! + 7,
    ])
    await model.dispose()
    expect([query, ...heavy].every(({ disposed }) => disposed())).toBe(true)
  })

  it('puts gallery images where the query model has them, with roles that do not mix', async () => {
    const model = modelOfCombiner((await ensemble(2)).combiner)
    const fresh = toyImages(40, 2)
    const query = await model.embed(fresh, 'query')
    const gallery = await model.embed(fresh, 'gallery')
    expect([query.embeddings.role, gallery.embeddings.role]).toEqual(['query', 'gallery'])
    expect(query.embeddings.space).toBe(gallery.embeddings.space)
    expect(meanCosine(query.embeddings.data, gallery.embeddings.data, 6)).toBeGreaterThan(0.8)
    expect(gallery.uncertainty).toHaveLength(40)
    expect(query.uncertainty).toBeUndefined()
    await model.dispose()
  })

  it('makes the same gallery from kept embeddings as from the images', async () => {
    const model = modelOfCombiner((await ensemble(3)).combiner)
    const fresh = toyImages(20, 3)
    const gallery = await model.embed(fresh, 'gallery')
    const again = await model.fromMembers!(gallery.members!)
    expect(again.embeddings).toEqual(gallery.embeddings)
    expect(again.uncertainty).toEqual(gallery.uncertainty)
    await expect(async () => model.fromMembers!({})).rejects.toMatchObject({
      code: 'embeddings/member-missing',
      fields: { member: 'heavy-0' },
    })
    await model.dispose()
  })

  it('of one gallery model has no uncertainty', async () => {
    const model = modelOfCombiner((await ensemble(1)).combiner)
    expect((await model.embed(images.slice(0, 5), 'gallery')).uncertainty).toBeUndefined()
    await model.dispose()
  })

  it('leaves an image out that a model cannot read', async () => {
    const model = modelOfCombiner((await ensemble(2)).combiner)
    const broken: ImageRequest = { source: Uint8Array.of(1, 2, 3) }
    const warnings: string[] = []
    const gallery = await model.embed([images[0]!, broken, images[1]!], 'gallery', {
      onWarning: ({ code }) => warnings.push(code),
    })
    expect([...gallery.positions]).toEqual([0, 2])
    expect(warnings.length).toBeGreaterThan(0)
    await model.dispose()
  })
})

describe('the similarity likelihood', () => {
  it('moves gallery images and leaves queries as they are', async () => {
    const { query, members } = await ensemble(2)
    const light = (await embedImages(query, images)).embeddings
    const likelihood = (await fitLikelihood(
      light.data,
      light.dim,
      Int32Array.from(images, (_, i) => i % 10),
      10,
      { threads: 1 },
    ))!
    const [cosine, other] = [
      modelOfCombiner(await crossModel({ query, members, threads: 1 })),
      modelOfCombiner(await crossModel({ query, members, similarity: 'likelihood', likelihood, threads: 1 })),
    ]
    const both = (role: 'query' | 'gallery') =>
      Promise.all([cosine, other].map(async (model) => model.embed(images.slice(0, 5), role)))
    const [query1, query2] = await both('query')
    expect(query2!.embeddings.data).toEqual(query1!.embeddings.data)
    expect(query2!.embeddings.space).not.toBe(query1!.embeddings.space)
    const [gallery1, gallery2] = await both('gallery')
    expect(gallery2!.embeddings.data).not.toEqual(gallery1!.embeddings.data)
    expect(gallery2!.uncertainty).toEqual(gallery1!.uncertainty)
    await cosine.dispose()
  })

  it('is refused when it was not learned, or for another query model', async () => {
    const { query, members } = await ensemble(2)
    await expect(crossModel({ query, members, similarity: 'likelihood' })).rejects.toMatchObject({
      code: 'asymmetric/no-likelihood',
    })
    await expect(crossModel({ query, members, likelihood: members[0]!.transform })).rejects.toMatchObject({
      code: 'asymmetric/no-likelihood',
    })
  })
})

describe('what does not fit', () => {
  it('is refused with the member named', async () => {
    const { query, members, combiner } = await ensemble(2)
    const [first, second] = members
    await expect(crossModel({ query, members: [] })).rejects.toMatchObject({ code: 'asymmetric/no-members' })
    await expect(crossModel({ query, members: [first!, first!] })).rejects.toMatchObject({
      code: 'asymmetric/member-name',
    })
    await expect(crossModel({ query, members: [{ ...first!, transform: second!.transform }] })).rejects.toMatchObject({
      code: 'asymmetric/dim',
      fields: { member: 'heavy-0' },
    })
    const one = (await embedImages(first!.encoder, images.slice(0, 3))).embeddings
    const two = (await embedImages(second!.encoder, images.slice(0, 2))).embeddings
    await expect(combiner.combineGallery([one])).rejects.toMatchObject({
      code: 'asymmetric/member-missing',
      fields: { member: 'heavy-1' },
    })
    await expect(combiner.combineGallery([one, two])).rejects.toMatchObject({ code: 'asymmetric/unpaired' })
    await expect(combiner.combineGallery([two, one])).rejects.toMatchObject({ code: 'asymmetric/space' })
    await expect(combiner.combineQuery([one])).rejects.toMatchObject({ code: 'asymmetric/space' })
    await combiner.dispose()
  })

  it('a gallery model is missed only when it is needed', async () => {
    const { name, dim, space, batchSize, input } = toyEncoder('gone', 4, 1)
    const gone = lazyEncoder({ name, dim, space, batchSize, input }, () => Promise.reject(new Error('no such file')))
    await expect(embedImages(gone, images.slice(0, 2))).rejects.toMatchObject({
      code: 'asymmetric/member',
      fields: { member: 'gone' },
    })
    const other = lazyEncoder({ name, dim, space, batchSize, input }, async () => toyEncoder('gone', 4, 2))
    await expect(embedImages(other, images.slice(0, 2))).rejects.toMatchObject({ code: 'asymmetric/space' })
    await gone.dispose()
    await other.dispose()
  })
})

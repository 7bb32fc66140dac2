import { createEmbeddings, type Embeddings, type Encoder } from '@lookalike/core'
import { modelOfCombiner } from '@lookalike/image'
import { expect, it } from 'vitest'
import { crossModel } from '../cross-model.js'
import type { CrossModelMember } from '../cross-model-options.js'
import { toyEncoder, toyImages } from '../testing/toy.js'
import { buildLinear } from '../transforms/build-linear.js'

const identity = (dim: number, to = dim) =>
  buildLinear(
    'linear',
    Float32Array.from({ length: dim * to }, (_, i) => (Math.floor(i / to) === i % to ? 1 : 0)),
    dim,
    to,
  )
const member = (name: string, encoder: Encoder, quality?: number): CrossModelMember => ({
  name,
  encoder,
  transform: identity(encoder.dim, 2),
  quality,
})
const of = (encoder: Encoder, ...values: number[]): Embeddings =>
  createEmbeddings({
    data: Float32Array.from(values),
    rows: values.length / encoder.dim,
    dim: encoder.dim,
    space: encoder.space,
    role: 'any',
  })

const query = toyEncoder('light', 2, 1)
const a = toyEncoder('a', 2, 2)
const b = toyEncoder('b', 2, 3)
const c = toyEncoder('c', 2, 4)

it('lists the other ways to use the same encoders', async () => {
  const names = async (members: CrossModelMember[], distilled?: Encoder) =>
    (await (await crossModel({ query, members, distilled })).baselines!()).map(({ name }) => name)
  expect(
    await names([member('a', a, 0.5), member('b', b, 0.7), member('c', c, 0.6)], toyEncoder('distilled', 2, 9)),
  ).toEqual([
    'weighting: agreement',
    'query model on both sides',
    'distilled query model on both sides',
    'a alone, transformed',
    'b alone, transformed',
    'c alone, transformed',
    'a on both sides',
    'b on both sides',
    'c on both sides',
    'average of untransformed spaces',
    'weighted average of untransformed spaces',
    'concatenation of untransformed spaces',
  ])
  // A likelihood adds the other similarity, and the query model in the gallery compared by it.
  const withLikelihood = await crossModel({
    query,
    members: [member('a', a), member('b', b)],
    similarity: 'likelihood',
    likelihood: identity(2),
  })
  expect((await withLikelihood.baselines!()).map(({ name }) => name).slice(0, 4)).toEqual([
    'similarity: cosine',
    'query model on both sides',
    'query model on both sides, likelihood',
    'a alone, transformed',
  ])
  // No quality: no weights. Other dimensions: no average. One gallery model: nothing to combine.
  expect(await names([member('a', a), member('b', b, 0.7)])).not.toContain('weighted average of untransformed spaces')
  expect(await names([member('a', a), member('b', toyEncoder('b', 3, 3))])).not.toContain(
    'average of untransformed spaces',
  )
  expect(await names([member('a', a)])).toEqual(['query model on both sides', 'a on both sides'])
})

it('combines as its name says, by hand', async () => {
  const baselines = await (await crossModel({ query, members: [member('a', a, 1), member('b', b, 3)] })).baselines!()
  const combine = async (name: string) => {
    const { combiner } = baselines.find((baseline) => baseline.name.startsWith(name))!
    const given = combiner.queryEncoders.map((encoder) => (encoder === a ? of(a, 2, 0) : of(encoder, 0, 5)))
    const { embeddings } = await combiner.combineQuery(given)
    expect(embeddings.role).toBe('query')
    return [...embeddings.data].map((value) => Math.round(value * 1e4) / 1e4)
  }
  expect(await combine('average')).toEqual([0.7071, 0.7071])
  expect(await combine('weighted average')).toEqual([0.3162, 0.9487])
  expect(await combine('concatenation')).toEqual([0.7071, 0, 0, 0.7071])
  expect(await combine('a on both sides')).toEqual([1, 0])
})

it('shares the work on the same images, and ends with the ensemble', async () => {
  const encoders = [toyEncoder('light', 2, 1), toyEncoder('a', 2, 2), toyEncoder('b', 2, 3)]
  const model = modelOfCombiner(
    await crossModel({
      query: encoders[0]!,
      members: [member('a', encoders[1]!), member('b', encoders[2]!)],
      threads: 1,
    }),
  )
  const images = toyImages(6, 1)
  await model.embed(images, 'gallery')
  for (const { model: baseline } of await model.baselines!()) {
    await baseline.embed(images, 'query')
    const { embeddings } = await baseline.embed(images, 'gallery')
    expect(embeddings.rows).toBe(6)
    await baseline.dispose()
  }
  expect(encoders.map(({ seen }) => seen())).toEqual([6, 6, 6])
  expect(encoders.some(({ disposed }) => disposed())).toBe(false)
  await model.dispose()
  expect(encoders.every(({ disposed }) => disposed())).toBe(true)
})

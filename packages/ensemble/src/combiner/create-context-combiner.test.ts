import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createEmbeddings, createRandom, type Encoder } from '@lookalike/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fitFeatureMap, mapFeatures } from '../context/prepare-features.js'
import { applyHead } from '../context/train-head.js'
import { MAP_OPTIONS } from '../weights/fit-credibility-map.js'
import { constantWeights, fitWeights, weightsOf } from '../weights/fit-weights.js'
import { createContextCombiner } from './create-context-combiner.js'
import { ENSEMBLE_FILE, encodeEnsemble, readEnsemble } from './ensemble-file.js'
import type { EnsembleModel } from './ensemble-model.js'

const [rows, inputDim, members] = [12, 7, 3]
const write = (model: EnsembleModel) => writeFile(path.join(folder, ENSEMBLE_FILE), encodeEnsemble(model))
const random = createRandom('combiner')
const data = Float32Array.from({ length: rows * inputDim }, () => random.normal())
const features = fitFeatureMap(data, inputDim, 5, true)
const dim = features.pca.dim
const mapped = mapFeatures(features, data)
const accuracies = Float32Array.from({ length: rows * members }, () => 0.5 + 0.5 * random.next())
const heads = Array.from({ length: members }, (_, k) => ({
  form: 'head' as const,
  context: `c${k}`,
  base: 0,
  localAccuracy: 0.8,
  head: { inputDim: dim, dim, weight: Float32Array.from({ length: dim * dim }, () => random.normal()) },
}))
const triples = {
  rows: Int32Array.from({ length: 3 * rows }, (_, t) => t % rows),
  gaps: Float32Array.from({ length: 3 * rows * members }, () => random.normal()),
  targets: Float32Array.from({ length: 3 * rows }, () => random.integer(2)),
}
const weigh = { features: mapped, dim, accuracies, members, triples, seed: 0 }
const models: Record<string, EnsembleModel> = Object.fromEntries(
  (
    [
      { use: 'mlp', components: 64 },
      { use: 'gate', components: 64 },
      { use: 'credibility-map', ...MAP_OPTIONS, grid: 20 },
      { use: 'uniform' },
    ] as const
  ).map((options) => [
    options.use,
    { bases: [{ name: 'toy', space: 'toy@1', features }], members: heads, weights: fitWeights(weigh, options) },
  ]),
)
const encoder = { name: 'toy', space: 'toy@1', dispose: async () => undefined } as unknown as Encoder
const given = createEmbeddings({ data, rows, dim: inputDim, space: 'toy@1', role: 'any' })

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'ensemble-'))
})
afterAll(() => rm(folder, { recursive: true }))

const cosine = (x: Float32Array, y: Float32Array) => {
  let [xx, yy, xy] = [0, 0, 0]
  for (let i = 0; i < x.length; i++) {
    xx += x[i]! ** 2
    yy += y[i]! ** 2
    xy += x[i]! * y[i]!
  }
  return xy / Math.sqrt(xx * yy)
}

describe('createContextCombiner', () => {
  it.each(Object.keys(models))("makes one inner product of the members' weighted cosines (%s)", async (use) => {
    const model = models[use]!
    const combiner = createContextCombiner(model, [encoder])
    const query = (await combiner.combineQuery([given])).embeddings
    const gallery = (await combiner.combineGallery([given])).embeddings
    const weights = weightsOf(model.weights, mapped, dim)
    for (let r = 0; r < rows; r++) {
      for (let x = 0; x < rows; x++) {
        let inner = 0
        for (let i = 0; i < combiner.dim; i++)
          inner += query.data[r * combiner.dim + i]! * gallery.data[x * combiner.dim + i]!
        let sum = 0
        heads.forEach(({ head }, k) => {
          const outputs = applyHead(head, mapped)
          sum +=
            weights[r * members + k]! *
            cosine(outputs.subarray(r * dim, (r + 1) * dim), outputs.subarray(x * dim, (x + 1) * dim))
        })
        expect(Math.abs(inner - sum)).toBeLessThan(1e-6)
      }
    }
  })

  it('weighs a query by itself alone', async () => {
    const combiner = createContextCombiner(models['mlp']!, [encoder])
    const all = (await combiner.combineQuery([given])).embeddings.data.slice(3 * combiner.dim, 4 * combiner.dim)
    const alone = createEmbeddings({
      data: data.slice(3 * inputDim, 4 * inputDim),
      rows: 1,
      dim: inputDim,
      space: 'toy@1',
      role: 'any',
    })
    expect((await combiner.combineQuery([alone])).embeddings.data).toEqual(all)
  })

  it('refuses another encoder or preprocessing, and weights without a sum', () => {
    expect(() => createContextCombiner(models['mlp']!, [{ ...encoder, space: 'toy@2' }])).toThrow(
      expect.objectContaining({ code: 'ensemble/space' }),
    )
    expect(() => constantWeights(new Float32Array(3))).toThrow(
      expect.objectContaining({ code: 'ensemble/zero-weights' }),
    )
    expect(() => fitWeights({ ...weigh, features: mapped.subarray(dim) }, { use: 'uniform' })).toThrow(
      expect.objectContaining({ code: 'ensemble/features' }),
    )
  })

  it('sums heads and whole networks of several bases, each asked for what it is needed for alone', async () => {
    const other = Float32Array.from({ length: rows * 4 }, () => random.normal())
    const network = Float32Array.from({ length: rows * 6 }, () => random.normal())
    const otherFeatures = fitFeatureMap(other, 4, 3, true)
    const head = {
      inputDim: otherFeatures.pca.dim,
      dim: 2,
      weight: Float32Array.from({ length: 2 * otherFeatures.pca.dim }, () => random.normal()),
    }
    const model: EnsembleModel = {
      bases: [
        { name: 'toy', space: 'toy@1', features },
        { name: 'other', space: 'other@1', features: otherFeatures },
      ],
      members: [
        {
          form: 'network',
          context: 'x',
          base: 0,
          localAccuracy: 0.7,
          name: 'x',
          space: 'x@1',
          dim: 6,
          file: 'members/x.onnx',
        },
        { form: 'head', context: 'y', base: 1, localAccuracy: 0.7, head },
      ],
      weights: fitWeights(
        { features: mapped, dim, accuracies: accuracies.subarray(0, rows * 2), members: 2, seed: 0 },
        { use: 'mlp', components: 64 },
      ),
    }
    const named = (space: string) => ({ ...encoder, space })
    const combiner = createContextCombiner(model, [encoder, named('other@1'), named('x@1')])
    expect(combiner.queryEncoders.map(({ space }) => space)).toEqual(['toy@1', 'other@1', 'x@1'])
    expect(combiner.galleryEncoders.map(({ space }) => space)).toEqual(['other@1', 'x@1'])
    const matrix = (values: Float32Array, width: number, space: string) =>
      createEmbeddings({ data: values, rows, dim: width, space, role: 'any' })
    const query = (await combiner.combineQuery([given, matrix(other, 4, 'other@1'), matrix(network, 6, 'x@1')]))
      .embeddings
    const gallery = (await combiner.combineGallery([matrix(other, 4, 'other@1'), matrix(network, 6, 'x@1')])).embeddings
    const weights = weightsOf(model.weights, mapped, dim)
    const heads = applyHead(head, mapFeatures(otherFeatures, other))
    for (let r = 0; r < rows; r++) {
      for (let x = 0; x < rows; x++) {
        let inner = 0
        for (let i = 0; i < combiner.dim; i++)
          inner += query.data[r * combiner.dim + i]! * gallery.data[x * combiner.dim + i]!
        const row = (values: Float32Array, width: number, at: number) => values.subarray(at * width, (at + 1) * width)
        const sum =
          weights[2 * r]! * cosine(row(network, 6, r), row(network, 6, x)) +
          weights[2 * r + 1]! * cosine(row(heads, 2, r), row(heads, 2, x))
        expect(Math.abs(inner - sum)).toBeLessThan(1e-6)
      }
    }
    expect(() => createContextCombiner(model, [encoder, named('other@1'), named('x@2')])).toThrow(
      /member of the context x makes x@1/,
    )
    expect(() => createContextCombiner(model, [encoder])).toThrow(expect.objectContaining({ code: 'ensemble/space' }))
    await write(model)
    expect(await readEnsemble(folder)).toMatchObject(model)
    await write({
      ...model,
      members: [{ ...model.members[0]!, file: '../elsewhere.onnx' } as (typeof model.members)[number]],
    })
    await expect(readEnsemble(folder)).rejects.toMatchObject({ code: 'ensemble/file' })
  })

  it('comes back from its file as it was, and says when the file is damaged', async () => {
    for (const model of Object.values(models)) {
      await write(model)
      expect(await readEnsemble(folder)).toMatchObject(model)
    }
    await writeFile(path.join(folder, 'ensemble.json'), '{"format":"lookalike-context-ensemble"')
    await expect(readEnsemble(folder)).rejects.toMatchObject({ code: 'ensemble/file' })
  })
})

import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import {
  type Combiner,
  createRandom,
  createRegistry,
  type Dataset,
  type Encoder,
  type Preprocessing,
  type Triple,
} from '@lookalike/core'
import encoderPlugins, { buildConvNet, buildVit, createNetworkEncoder, createOnnxEncoder } from '@lookalike/encoders'
import { embedImages } from '@lookalike/image'
import { createSession, float32, loadModel, readModel } from '@lookalike/onnx'
import { runTrainer } from '@lookalike/pipeline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { contextCombiner } from '../combiner/context-combiner.js'
import { createContextCombiner } from '../combiner/create-context-combiner.js'
import { createMergedCombiner } from '../combiner/create-merged-combiner.js'
import { ensembleEncoder } from '../combiner/ensemble-encoder.js'
import { readEnsemble } from '../combiner/ensemble-file.js'
import { sourcesOf } from '../combiner/ensemble-model.js'
import { cosineTripleLoss } from '../context/triple-losses.js'
import { contextTrainer, createContextTrainer } from './context-trainer.js'
import type { ContextTrainerOptions } from './trainer-options.js'

// Stripes: red pictures are alike by direction, blue ones by brightness.
const size = 16
const random = createRandom('networks')
const draw = (i: number) => {
  const data = new Uint8Array(size * size * 3)
  const [vertical, bright] = [i % 2 === 0, i % 4 < 2]
  const phase = random.integer(4)
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const on = ((vertical ? x : y) + phase) % 4 < 2
      data.fill((on ? 200 : 90) - (bright ? 0 : 80) + random.integer(8), (y * size + x) * 3, (y * size + x) * 3 + 3)
    }
  }
  return { data, width: size, height: size }
}
const items = Array.from({ length: 24 }, (_, i) => ({
  id: `i${i}`,
  label: `i${i}`,
  split: 'train' as const,
  isQuery: true,
  isGallery: true,
  source: draw(i),
}))
const triple = (reference: number, by: 'direction' | 'brightness', split: Triple['split']): Triple => {
  const same = (at: number) => (by === 'direction' ? at % 2 === reference % 2 : at % 4 < 2 === reference % 4 < 2)
  const others = [...random.permutation(items.length)].filter((at) => at !== reference)
  const [near, far] = [others.find(same)!, others.find((at) => !same(at))!]
  const nearIsA = random.next() < 0.5
  const [a, b] = nearIsA ? [near, far] : [far, near]
  return {
    reference: `i${reference}`,
    a: `i${a}`,
    b: `i${b}`,
    closer: nearIsA ? 'a' : 'b',
    split,
    ...(split === 'train' && { context: by }),
  }
}
const many = (n: number, by: 'direction' | 'brightness', split: Triple['split']) =>
  Array.from({ length: n }, (_, at) => triple(at % items.length, by, split))
const dataset: Dataset = {
  specVersion: 'v1',
  name: 'stripes',
  items,
  triples: [
    ...many(96, 'direction', 'train'),
    ...many(96, 'brightness', 'train'),
    ...many(30, 'direction', 'validation'),
    ...many(30, 'brightness', 'validation'),
  ],
}
const preprocessing = (mean: number, std: number): Preprocessing => ({
  resize: { mode: 'squash' },
  crop: { width: size, height: size },
  interpolation: 'bilinear',
  background: [0, 0, 0],
  scale: 1 / 255,
  mean: [mean, mean, mean],
  std: [std, std, std],
  channels: 'rgb',
  layout: 'nchw',
})
const vit = (seed: number) =>
  createNetworkEncoder(
    `vit-${seed}`,
    buildVit({ imageSize: size, patchSize: 8, dim: 12, depth: 1, heads: 2, embeddingDim: 8, seed }),
    preprocessing(0.5, 0.5),
    { threads: 1 },
  )
const convNet = () =>
  createNetworkEncoder(
    'conv',
    buildConvNet({ imageSize: size, widths: [8, 12], depths: [1, 1], embeddingDim: 6 }),
    preprocessing(0.4, 0.3),
    { threads: 1 },
  )
const openNetwork = (model: string, name: string) => createOnnxEncoder({ model, name, threads: 1 })
const settings = async (given: Record<string, unknown>) => {
  const parsed = await contextTrainer.options['~standard'].validate({ epochs: 2, batchSize: 16, ...given })
  if (parsed.issues) throw new Error(parsed.issues[0]!.message)
  return parsed.value as ContextTrainerOptions
}

let folder = ''
let [first, second]: Encoder[] = []
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'networks-'))
  ;[first, second] = [await vit(1), await convNet()]
})
afterAll(async () => {
  await first!.dispose()
  await second!.dispose()
  await rm(folder, { recursive: true })
})
const train = async (
  name: string,
  given: Record<string, unknown>,
  encoders: readonly Encoder[] = [],
  resume = false,
  encoder = first!,
) => {
  const own = path.join(folder, name)
  const trainer = createContextTrainer(await settings(given), {
    loss: cosineTripleLoss(),
    encoders,
    openNetwork,
    threads: 1,
  })
  return runTrainer(trainer, { dataset, encoder, folder: own, seed: 0, resume })
}
/** The folder's own encoders, nothing from the run. */
const open = async (own: string) => {
  const model = await readEnsemble(own)
  const encoders: Encoder[] = []
  for (const source of sourcesOf(model, 'query')) {
    const { name, file } =
      source.kind === 'base'
        ? model.bases[source.base]!
        : (model.members[source.member] as { name: string; file: string })
    encoders.push(await openNetwork(path.join(own, file!), name))
  }
  return createContextCombiner(model, encoders)
}
const images = items.map(({ source }) => ({ source }))
const vectors = async (combiner: Combiner) => {
  const embed = async (encoders: readonly Encoder[]) =>
    Promise.all(encoders.map(async (encoder) => (await embedImages(encoder, images)).embeddings))
  return {
    query: (await combiner.combineQuery(await embed(combiner.queryEncoders))).embeddings,
    gallery: (await combiner.combineGallery(await embed(combiner.galleryEncoders))).embeddings,
  }
}

describe('members that are whole networks', () => {
  it.each([
    ['all weights', { member: { use: 'all' }, learningRate: 3e-3, epochs: 6 }],
    ['low-rank changes', { member: { use: 'lora', rank: 4 }, learningRate: 2e-2, epochs: 12 }],
  ])('learn their contexts: %s', async (name, given) => {
    const untrained = await train(`${name} 0`, { ...given, epochs: 0 })
    const trained = await train(name, given)
    const mean = ({ metrics }: typeof trained) => {
      const local = Object.entries(metrics).filter(([name]) => name.startsWith('local-accuracy/'))
      return local.reduce((sum, [, value]) => sum + value, 0) / local.length
    }
    expect(mean(trained)).toBeGreaterThan(mean(untrained) + 0.05)
    const model = await readEnsemble(path.join(folder, name))
    expect(model.members.map(({ form }) => form)).toEqual(['network', 'network'])
    // The base is needed for the weights alone, and comes from the folder.
    const combiner = await open(path.join(folder, name))
    expect(combiner.queryEncoders.map(({ space }) => space)[0]).toBe(first!.space)
    expect(combiner.galleryEncoders).toHaveLength(2)
    await combiner.dispose()
  })

  it('keep their base where nothing is trained, and freeze what is named', async () => {
    await train('frozen', { member: { use: 'all', freeze: ['patch_embed*', 'blocks*'] }, learningRate: 1e-2 })
    const own = path.join(folder, 'frozen')
    const { members, bases } = await readEnsemble(own)
    const weights = async (file: string) => (await loadModel(path.join(own, file))).graph.initializers
    const [before, after] = [await weights(bases[0]!.file!), await weights((members[0] as { file: string }).file)]
    expect(after.get('blocks.0.attn.qkv.weight')).toEqual(before.get('blocks.0.attn.qkv.weight'))
    expect(after.get('head.weight')).not.toEqual(before.get('head.weight'))
    await expect(train('misspelt', { member: { use: 'all', freeze: ['block.*'] } })).rejects.toMatchObject({
      code: 'train/no-match',
    })
  })

  it('are not trained again on resuming', async () => {
    const given = { member: { use: 'lora', rank: 2 }, epochs: 1 }
    await train('resumed', given)
    const files = path.join(folder, 'resumed', 'members')
    const times = async () =>
      Promise.all(
        (await readdir(files)).map(async (name) => [name, (await stat(path.join(files, name))).mtimeMs] as const),
      )
    const before = await times()
    await train('resumed', given, [], true)
    expect(before).toHaveLength(4)
    expect(await times()).toEqual(before)
  })

  it('need an ONNX network', async () => {
    const { onnx: _onnx, ...bare } = first!
    await expect(train('bare', { member: { use: 'all' } }, [], false, bare)).rejects.toMatchObject({
      code: 'ensemble/network',
    })
    await expect(train('conv', { member: { use: 'lora' } }, [], false, second!)).rejects.toMatchObject({
      code: 'ensemble/no-attention',
    })
  })
})

describe('several encoders', () => {
  it('give every context a member each', async () => {
    const { metrics } = await train('several', {}, [second!])
    const { members, bases } = await readEnsemble(path.join(folder, 'several'))
    expect(bases.map(({ name, file }) => [name, file])).toEqual([
      ['vit-1', 'encoder-1.onnx'],
      ['conv', 'encoder-2.onnx'],
    ])
    expect(members.map(({ context, base }) => `${context} ${base}`)).toEqual([
      'direction 0',
      'direction 1',
      'brightness 0',
      'brightness 1',
    ])
    expect(Object.keys(metrics).slice(0, 2)).toEqual([
      'local-accuracy/direction from vit-1',
      'local-accuracy/direction from conv',
    ])
  })
})

describe('a merged ensemble', () => {
  it.each([
    ['heads on one encoder', {}, false],
    ['heads on two encoders of other mean and deviation', { weights: { use: 'credibility-map', grid: 20 } }, true],
    // Its logits lie near ten, where single precision moves a weight by some 1e-5.
    ['a gate', { weights: { use: 'gate' } }, false, 1e-4],
    ['whole networks', { member: { use: 'all' }, learningRate: 1e-3, weights: { use: 'uniform' } }, true],
  ])('makes the vectors of the folder: %s', async (name, given, both, tolerance = 2e-5) => {
    await train(`merged ${name}`, { ...given, merge: true }, both ? [second!] : [])
    const own = path.join(folder, `merged ${name}`)
    const apart = await open(own)
    const file = path.join(own, 'ensemble.onnx')
    const merged = await createMergedCombiner((output) =>
      createOnnxEncoder({ model: file, output, normalise: false, threads: 1 }),
    )
    const [wanted, got] = [await vectors(apart), await vectors(merged)]
    expect(merged.dim).toBe(apart.dim)
    for (const role of ['query', 'gallery'] as const) {
      expect(got[role].space).toBe(merged.space)
      got[role].data.forEach((value, i) => expect(Math.abs(value - wanted[role].data[i]!)).toBeLessThan(tolerance))
    }
    await apart.dispose()
    await merged.dispose()
  })

  it('is served by a config, from its folder or as one file, with nothing else', async () => {
    await train('served', { member: { use: 'lora' }, epochs: 1, merge: true })
    const registry = createRegistry([...encoderPlugins, contextCombiner])
    const context = { folder, cacheFolder: folder, seed: 0, threads: 1 }
    const create = (given: Record<string, unknown>) =>
      registry.create('combiner', { use: 'context-ensemble', ...given }, context)
    const [apart, merged] = [await create({ folder: 'served' }), await create({ model: 'served/ensemble.onnx' })]
    const [wanted, got] = [await vectors(apart), await vectors(merged)]
    for (const role of ['query', 'gallery'] as const)
      got[role].data.forEach((value, i) => expect(Math.abs(value - wanted[role].data[i]!)).toBeLessThan(2e-5))
    await apart.dispose()
    await merged.dispose()
    await expect(create({})).rejects.toThrow(/either folder or model/)
    await expect(create({ model: 'served/ensemble.onnx', encoder: 'mini' })).rejects.toThrow(
      /the file holds its encoders/,
    )
    await expect(create({ folder: 'served', encoder: 'mini' })).rejects.toMatchObject({ code: 'ensemble/space' })
    await rm(path.join(folder, 'served', 'encoder-1.onnx'))
    await expect(create({ folder: 'served' })).rejects.toMatchObject({ code: 'onnx/file' })
  })

  it('is an encoder too: what the gallery holds, of unit length; a run that was not merged says how to merge it', async () => {
    await train('as-encoder', { merge: true, weights: { use: 'mlp' } })
    const registry = createRegistry([...encoderPlugins, ensembleEncoder])
    const context = { folder, cacheFolder: folder, seed: 0, threads: 1 }
    const create = (given: string) => registry.create('encoder', { use: 'context-ensemble', folder: given }, context)
    const [apart, encoder] = [await open(path.join(folder, 'as-encoder')), await create('as-encoder')]
    expect([encoder.name, encoder.dim]).toEqual(['as-encoder', apart.dim])
    const wanted = (await vectors(apart)).gallery.data
    const got = (await embedImages(encoder, items, {})).embeddings.data
    got.forEach((value, i) => expect(Math.abs(value - wanted[i]! / Math.sqrt(2))).toBeLessThan(2e-5))
    await apart.dispose()
    await encoder.dispose()
    await rm(path.join(folder, 'as-encoder', 'ensemble.onnx'))
    await expect(create('as-encoder')).rejects.toMatchObject({
      code: 'ensemble/not-merged',
      message: expect.stringContaining('merge: true') as unknown,
    })
  })

  it('runs a shared encoder once', async () => {
    await train('once', { merge: true })
    const { graph } = readModel(await first!.onnx!.bytes())
    const merged = await loadModel(path.join(folder, 'once', 'ensemble.onnx'))
    const count = (nodes: typeof graph.nodes) => nodes.filter(({ op }) => op === 'Softmax').length
    expect(count(merged.graph.nodes)).toBe(count(graph.nodes))
    const session = await createSession(merged, { threads: 1 })
    const { query, gallery } = await session.run({
      pixels: float32(new Float32Array(2 * 3 * size * size), [2, 3, size, size]),
    })
    expect([query!.shape, gallery!.shape]).toEqual([
      [2, 16],
      [2, 16],
    ])
    await session.dispose()
  })

  it('refuses encoders that cut images differently', async () => {
    const wide = await createNetworkEncoder(
      'wide',
      buildConvNet({ imageSize: 2 * size, widths: [8], depths: [1], embeddingDim: 6 }),
      {
        ...preprocessing(0.5, 0.5),
        crop: { width: 2 * size, height: 2 * size },
      },
      { threads: 1 },
    )
    await expect(train('cut', { merge: true }, [wide])).rejects.toMatchObject({
      code: 'ensemble/preprocessing',
      fields: { differing: ['crop'] },
    })
    await wide.dispose()
  })
})

import { mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createRegistry, type Dataset, definePlugin, type Warning } from '@lookalike/core'
import encoders from '@lookalike/encoders'
import { modelOfCombiner } from '@lookalike/image'
import losses from '@lookalike/losses'
import { runTrainer } from '@lookalike/pipeline'
import training from '@lookalike/train'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { z } from 'zod'
import type { CrossModelTrainerOptions } from './cross-model-trainer.js'
import plugins from './index.js'
import { toyEncoder, toyImages } from './testing/toy.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cross-model-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const toy = definePlugin({
  specVersion: 'v1',
  kind: 'encoder',
  name: 'toy',
  description: 'For tests.',
  options: z.strictObject({ dim: z.int(), seed: z.int() }),
  create: ({ dim, seed }) => toyEncoder(`toy-${seed}`, dim, seed),
})
const registry = createRegistry([...plugins, toy])
const images = toyImages(60, 1)
const dataset: Dataset = {
  specVersion: 'v1',
  name: 'toys',
  items: images.map(({ source }, i) => ({
    id: String(i),
    source,
    label: `class ${i % 5}`,
    split: 'train',
    isQuery: true,
    isGallery: true,
  })),
}
const light = { use: 'toy', dim: 5, seed: 1 }
const heavy = [
  { name: 'a', encoder: { use: 'toy', dim: 8, seed: 2 } },
  { name: 'b', encoder: { use: 'toy', dim: 9, seed: 3 } },
]

async function train(
  members: typeof heavy,
  resume: boolean,
  transform: CrossModelTrainerOptions['transform'] = { kind: 'linear' },
) {
  const trainer = await registry.create(
    'trainer',
    { use: 'cross-model', query: light, members, transform },
    { folder, cacheFolder: path.join(folder, 'cache'), seed: 0, threads: 1 },
  )
  return runTrainer(trainer, {
    dataset,
    encoder: toyEncoder('unused', 2, 9),
    folder: path.join(folder, 'run'),
    seed: 0,
    resume,
  })
}
const open = async (extra: object = {}, warnings: Warning[] = []) =>
  registry.create(
    'combiner',
    { use: 'cross-model', folder: 'run', ...extra },
    { folder, cacheFolder: folder, seed: 0, threads: 1, onWarning: (warning) => warnings.push(warning) },
  )

it('writes a folder that the combiner opens', async () => {
  const result = await train(heavy, false)
  expect(result).toMatchObject({ artefact: 'cross-model.json', stopped: 'finished' })
  expect(result.metrics['similarity/a']).toBeGreaterThan(0.5)
  const model = modelOfCombiner(await open())
  expect(model.members?.map(({ name }) => name)).toEqual(['a', 'b'])
  const { embeddings, uncertainty } = await model.embed(images.slice(0, 4), 'gallery')
  expect([embeddings.rows, embeddings.dim, uncertainty?.length]).toEqual([4, 5, 4])
  await model.dispose()
})

it('notes the ridge that held-out pairs chose', async () => {
  await train(heavy, false, { kind: 'linear', ridge: [1e-5, 1e-2] })
  const { members } = JSON.parse(await readFile(path.join(folder, 'run/cross-model.json'), 'utf8')) as {
    members: { ridge: number }[]
  }
  for (const { ridge } of members) expect([1e-5, 1e-2]).toContain(ridge)
  await train(heavy, true, { kind: 'linear', ridge: [1e-5, 1e-2] })
  await (await open()).dispose()
})

it('is a run: never replaced unasked, not gone on with otherwise, with log and card', async () => {
  await train(heavy, false, { kind: 'mlp', epochs: 3, hidden: [8] })
  const manifest = await readFile(path.join(folder, 'run/cross-model.json'), 'utf8')
  await expect(train(heavy, false)).rejects.toMatchObject({ code: 'train/run-exists' })
  await expect(train(heavy.slice(0, 1), true, { kind: 'mlp', epochs: 3, hidden: [8] })).rejects.toMatchObject({
    code: 'train/run-differs',
    fields: { different: ['train.members'] },
  })
  expect(await readFile(path.join(folder, 'run/cross-model.json'), 'utf8')).toBe(manifest)
  const log = (await readFile(path.join(folder, 'run/log.jsonl'), 'utf8')).trim().split('\n')
  expect(log.map((line) => JSON.parse(line) as unknown)).toMatchObject(
    ['a', 'b'].flatMap((part) => [1, 2, 3].map((step) => ({ part, step, similarity: expect.any(Number) as unknown }))),
  )
  expect(JSON.parse(await readFile(path.join(folder, 'run/card.json'), 'utf8'))).toMatchObject({
    trainer: 'cross-model',
    data: { images: 60, hash: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown },
  })
})

it('goes on with the transforms that are done, and learns again what changed', async () => {
  await train(heavy, false)
  const times = async () =>
    Promise.all(['a', 'b'].map(async (name) => (await stat(path.join(folder, `run/transforms/${name}.json`))).mtimeMs))
  const [a, b] = await times()
  await writeFile(path.join(folder, 'run/transforms/b.onnx'), 'torn')
  await train(heavy, true)
  const [a2, b2] = await times()
  expect(a2).toBe(a)
  expect(b2).toBeGreaterThan(b!)
  await (await open()).dispose()
})

it('one gallery model: says that there is no uncertainty', async () => {
  await train(heavy.slice(0, 1), false)
  const warnings: Warning[] = []
  await (await open({}, warnings)).dispose()
  expect(warnings.map(({ code }) => code)).toEqual(['asymmetric/no-uncertainty'])
})

it('refuses other models and damaged folders', async () => {
  await expect(open()).rejects.toMatchObject({ code: 'asymmetric/folder' })
  await train(heavy, false)
  await expect(open({ query: { use: 'toy', dim: 5, seed: 7 } })).rejects.toMatchObject({ code: 'asymmetric/space' })
  await expect(open({ members: { c: light } })).rejects.toMatchObject({ code: 'asymmetric/member-name' })
  await writeFile(path.join(folder, 'run/likelihood.onnx'), 'torn')
  await expect(open()).rejects.toMatchObject({
    code: 'asymmetric/folder',
    message: expect.stringContaining('likelihood'),
  })
  const file = path.join(folder, 'run/transforms/a.onnx')
  await writeFile(file, Buffer.concat([await readFile(file), Buffer.of(0)]))
  await expect(open()).rejects.toMatchObject({ code: 'asymmetric/folder', fields: { member: 'a' } })
})

it('within a budget: trains the query model first, and measures it in the gallery of the others', async () => {
  const whole = createRegistry([...plugins, ...training, ...encoders, ...losses, toy])
  const create = (options: object) =>
    whole.create(
      'trainer',
      { use: 'cross-model', members: heavy, transform: { kind: 'linear' }, ...options } as never,
      { folder, cacheFolder: folder, seed: 0, threads: 1 },
    )
  await expect(create({ budget: { maxBytes: 1e6 }, query: light })).rejects.toThrow('leave out "query"')
  const held = {
    ...dataset,
    items: dataset.items.map((item, i) => ({ ...item, split: i % 10 < 5 ? 'train' : 'validation' }) as const),
  }
  const queryTraining = {
    loss: 'nt-xent',
    epochs: 1,
    workers: 0,
    augmentations: [],
    sampler: { use: 'balanced', labels: 2, instances: 2 },
  }
  const run = async (resume: boolean) =>
    runTrainer(await create({ budget: { maxMillionMultiplications: 1 }, queryTraining }), {
      dataset: held,
      encoder: toyEncoder('unused', 2, 9),
      folder: path.join(folder, 'run'),
      seed: 0,
      resume,
    })
  const { costs } = await run(false)
  expect(costs!.map(({ name }) => name)).toEqual(['light, gallery of a, b', 'light', 'builtin', 'mini', 'teacher'])
  const [inGallery, alone] = costs!
  expect(inGallery!.millionMultiplications).toBe(alone!.millionMultiplications)
  expect(inGallery!.metrics).toHaveProperty('recall@1')
  expect(JSON.parse(await readFile(path.join(folder, 'run/costs.json'), 'utf8'))).toEqual(costs)
  const model = path.join(folder, 'run/query/model.onnx')
  const { mtimeMs } = await stat(model)
  // A run that goes on keeps the query model; a folder that was moved finds its own.
  await run(true)
  expect((await stat(model)).mtimeMs).toBe(mtimeMs)
  await rename(path.join(folder, 'run'), path.join(folder, 'moved'))
  const combiner = await whole.create(
    'combiner',
    { use: 'cross-model', folder: 'moved' },
    { folder, cacheFolder: folder, seed: 0 },
  )
  expect([combiner.queryEncoders[0]!.name, combiner.dim]).toEqual(['light', 8])
  await combiner.dispose()
})

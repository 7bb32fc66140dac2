import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createEmbeddings, createRandom, type Dataset, definePlugin, type Encoder, type Triple } from '@lookalike/core'
import encoders from '@lookalike/encoders'
import { runTrainer } from '@lookalike/pipeline'
import { fromPlugin, pluginOf } from '@lookalike/testkit'
import {
  describeCombiner,
  describeEncoder,
  describeLoss,
  describePlugins,
  describeTrainer,
} from '@lookalike/testkit/vitest'
import { afterAll } from 'vitest'
import { z } from 'zod'
import plugins from './index.js'

describePlugins(plugins)

const folder = await mkdtemp(path.join(tmpdir(), 'ensemble-'))
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Pictures of one pixel, whose colour is the embedding. */
const colour = (): Encoder => ({
  specVersion: 'v1',
  name: 'colour',
  dim: 3,
  space: 'colour@1',
  batchSize: 8,
  input: {
    kind: 'pixels',
    preprocessing: {
      resize: { mode: 'squash' },
      crop: { width: 1, height: 1 },
      interpolation: 'nearest',
      background: [0, 0, 0],
      scale: 1 / 255,
      mean: [0, 0, 0],
      std: [1, 1, 1],
      channels: 'rgb',
      layout: 'nchw',
    },
  },
  async encode(batch) {
    if (batch.kind !== 'pixels') throw new Error('pixels only')
    return createEmbeddings({
      data: batch.data.slice(0, batch.count * 3),
      rows: batch.count,
      dim: 3,
      space: 'colour@1',
      role: 'any',
    })
  },
  dispose: async () => {},
})
const encoder = definePlugin({
  specVersion: 'v1',
  kind: 'encoder',
  name: 'colour',
  description: 'For tests.',
  options: z.strictObject({}),
  create: colour,
})

const random = createRandom('conformance')
const items = Array.from({ length: 30 }, (_, i) => ({
  id: `i${i}`,
  label: `i${i}`,
  split: 'train' as const,
  isQuery: true,
  isGallery: true,
  source: { data: Uint8Array.of(random.integer(256), 128, random.integer(256)), width: 1, height: 1 },
}))
/** Whose red, or whose blue, is nearer to the reference's. */
function triple(context: string, channel: 0 | 2, split: Triple['split']): Triple {
  const [reference, a, b] = [...random.permutation(items.length)] as [number, number, number]
  const away = (at: number) => Math.abs(items[at]!.source.data[channel]! - items[reference]!.source.data[channel]!)
  return { reference: `i${reference}`, a: `i${a}`, b: `i${b}`, closer: away(a) < away(b) ? 'a' : 'b', split, context }
}
const many = (count: number, ...given: Parameters<typeof triple>) =>
  Array.from({ length: count }, () => triple(...given))
const triples = [...many(60, 'red', 0, 'train'), ...many(60, 'blue', 2, 'train'), ...many(30, 'red', 0, 'validation')]
const dataset = (): Dataset => ({ specVersion: 'v1', name: 'colours', items, triples })

const trainer = fromPlugin(
  pluginOf(plugins, 'trainer', 'context-ensemble'),
  { epochs: 2, batchSize: 8, weights: { use: 'uniform' } },
  { plugins: [...plugins, encoder], threads: 1 },
)
for (const name of ['context', 'triple-cosine']) describeLoss(name, fromPlugin(pluginOf(plugins, 'loss', name)))
describeTrainer('context-ensemble', trainer, { dataset, encoder: colour, train: runTrainer })

for (const use of ['uniform', 'mlp', 'credibility-map']) {
  const trained = fromPlugin(
    pluginOf(plugins, 'trainer', 'context-ensemble'),
    { epochs: 2, batchSize: 8, weights: { use } },
    { plugins, threads: 1 },
  )
  await runTrainer(await trained(), {
    dataset: dataset(),
    encoder: colour(),
    folder: path.join(folder, use),
    seed: 0,
  })
  describeCombiner(
    `context-ensemble, ${use}`,
    fromPlugin(
      pluginOf(plugins, 'combiner', 'context-ensemble'),
      { folder: use, encoder: 'colour' },
      { plugins: [...plugins, encoder], folder, threads: 1 },
    ),
  )
}

/* As an encoder, the gallery's side of two ensembles of heads on one small network. */
const network = await fromPlugin(
  pluginOf(encoders, 'encoder', 'conv-net'),
  { imageSize: 16, widths: [8, 8], embeddingDim: 6, seed: 1 },
  { threads: 1 },
)()
for (const epochs of [1, 2]) {
  const merged = fromPlugin(
    pluginOf(plugins, 'trainer', 'context-ensemble'),
    { epochs, batchSize: 8, weights: { use: 'uniform' }, merge: true },
    { plugins, threads: 1 },
  )
  await runTrainer(await merged(), {
    dataset: dataset(),
    encoder: network,
    folder: path.join(folder, `merged-${epochs}`),
    seed: 0,
  })
}
await network.dispose()
const ensemble = (given: string) =>
  fromPlugin(
    pluginOf(plugins, 'encoder', 'context-ensemble'),
    { folder: given },
    { plugins: [...plugins, ...encoders], folder, threads: 1 },
  )
describeEncoder('context-ensemble', ensemble('merged-1'), { variants: [ensemble('merged-2')] })

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type Dataset, definePlugin } from '@lookalike/core'
import { runTrainer } from '@lookalike/pipeline'
import { fromPlugin, pluginOf } from '@lookalike/testkit'
import { describeCombiner, describePlugins, describeTrainer } from '@lookalike/testkit/vitest'
import { afterAll } from 'vitest'
import { z } from 'zod'
import plugins from './index.js'
import { toyEncoder, toyImages } from './testing/toy.js'

describePlugins(plugins)

const folder = await mkdtemp(path.join(tmpdir(), 'asymmetric-'))
afterAll(() => rm(folder, { recursive: true, force: true }))

const toy = definePlugin({
  specVersion: 'v1',
  kind: 'encoder',
  name: 'toy',
  description: 'For tests.',
  options: z.strictObject({ dim: z.int(), seed: z.int() }),
  create: ({ dim, seed }) => toyEncoder(`toy-${seed}`, dim, seed),
})
const context = { plugins: [...plugins, toy], folder, threads: 1 }
const dataset = (): Dataset => ({
  specVersion: 'v1',
  name: 'toys',
  items: toyImages(60, 1).map(({ source }, i) => ({
    id: String(i),
    source,
    label: `class ${i % 5}`,
    split: 'train',
    isQuery: true,
    isGallery: true,
  })),
})
const encoder = () => toyEncoder('unused', 2, 9)
const trainer = fromPlugin(
  pluginOf(plugins, 'trainer', 'cross-model'),
  {
    query: { use: 'toy', dim: 5, seed: 1 },
    members: [
      { name: 'a', encoder: { use: 'toy', dim: 8, seed: 2 } },
      { name: 'b', encoder: { use: 'toy', dim: 9, seed: 3 } },
    ],
    transform: { kind: 'linear' },
  },
  context,
)

// The embeddings are in the cache by then: one event a model, the second before its transform is learned.
describeTrainer('cross-model', trainer, { dataset, encoder, train: runTrainer, stopAfter: 2 })

await runTrainer(await trainer(), {
  dataset: dataset(),
  encoder: encoder(),
  folder: path.join(folder, 'run'),
  seed: 0,
})
for (const options of [{ weighting: 'mean' }, { weighting: 'agreement' }, { similarity: 'likelihood' }]) {
  describeCombiner(
    `cross-model, ${Object.values(options)}`,
    fromPlugin(pluginOf(plugins, 'combiner', 'cross-model'), { folder: 'run', ...options }, context),
  )
}

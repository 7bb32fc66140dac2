import { definePlugin, type Plugin } from '@lookalike/core'
import { runTrainer } from '@lookalike/pipeline'
import { fromPlugin, pluginOf } from '@lookalike/testkit'
import { describeAugmentation, describePlugins, describeSampler, describeTrainer } from '@lookalike/testkit/vitest'
import { z } from 'zod'
import plugins from './index.js'
import { centreLoss } from './testing/centre-loss.js'
import { datasetOf, pictures, runningEncoder, tinyEncoder } from './testing/pictures.js'

describePlugins(plugins)

const sampler = (name: string, options: Readonly<Record<string, unknown>>) =>
  fromPlugin(pluginOf(plugins, 'sampler', name), options)
describeSampler('balanced', sampler('balanced', { labels: 4, instances: 3 }))
describeSampler('category-balanced', sampler('category-balanced', { categories: 2, labels: 2, instances: 3 }))
describeSampler('plain', sampler('plain', { batchSize: 16 }))

const always = { probability: 1 }
const augmentations: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  affine: always,
  blur: always,
  'channel-shuffle': always,
  'color-jitter': {},
  degrade: {},
  erasing: always,
  flip: {},
  grayscale: always,
  invert: always,
  'random-resized-crop': {},
  rotation: {},
}
for (const [name, options] of Object.entries(augmentations)) {
  describeAugmentation(name, fromPlugin(pluginOf(plugins, 'augmentation', name), options), {
    size: name === 'random-resized-crop' ? 'target' : 'same',
  })
}

const loss = definePlugin({
  specVersion: 'v1',
  kind: 'loss',
  name: 'centre',
  description: 'For tests.',
  options: z.strictObject({}),
  create: () => centreLoss(),
})
describeTrainer(
  'metric-learning',
  fromPlugin(
    pluginOf(plugins, 'trainer', 'metric-learning'),
    {
      loss: 'centre',
      epochs: 3,
      optimizer: { learningRate: 0.01 },
      workers: 0,
      sampler: { use: 'balanced', labels: 4, instances: 4 },
      augmentations: ['flip'],
    },
    { plugins: [...plugins, loss as unknown as Plugin], threads: 1 },
  ),
  { dataset: () => datasetOf(pictures(8, 8)), encoder: tinyEncoder, train: runTrainer },
)
describeTrainer(
  'head',
  fromPlugin(
    pluginOf(plugins, 'trainer', 'head'),
    {
      loss: 'centre',
      epochs: 3,
      optimizer: { learningRate: 0.01 },
      sampler: { use: 'balanced', labels: 4, instances: 4 },
      head: { dim: 4 },
    },
    { plugins: [...plugins, loss as unknown as Plugin], threads: 1 },
  ),
  { dataset: () => datasetOf(pictures(8, 8)), encoder: runningEncoder, train: runTrainer },
)

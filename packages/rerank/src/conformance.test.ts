import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Encoder } from '@lookalike/core'
import encoders, { buildVit, createOnnxEncoder } from '@lookalike/encoders'
import { saveModel, writeModel } from '@lookalike/onnx'
import { runTrainer } from '@lookalike/pipeline'
import { fromPlugin, pluginOf } from '@lookalike/testkit'
import { describePlugins, describeReranker, describeTrainer } from '@lookalike/testkit/vitest'
import { afterAll } from 'vitest'
import plugins from './index.js'
import { buildPairModel } from './pair/build-pair-model.js'
import { stripesDataset } from './testing/stripes.js'

describePlugins(plugins)

const create = (name: string, options: Readonly<Record<string, unknown>> = {}) =>
  fromPlugin(pluginOf(plugins, 'reranker', name), options, { plugins, threads: 1 })

describeReranker('k-reciprocal', create('k-reciprocal', { topN: 15, k1: 6, k2: 3 }))
describeReranker('alpha-query-expansion', create('alpha-query-expansion', { topN: 15 }))
describeReranker('database-augmentation', create('database-augmentation', { topN: 15 }))
describeReranker(
  'reciprocal-rank-fusion',
  create('reciprocal-rank-fusion', {
    rerankers: [
      { use: 'k-reciprocal', topN: 15, k1: 6, k2: 3 },
      { use: 'alpha-query-expansion', topN: 10 },
    ],
  }),
)
describeReranker('constant-threshold', create('constant-threshold', { threshold: 0.9 }))
describeReranker('adaptive-threshold', create('adaptive-threshold', { factor: 2 }))

const folder = await mkdtemp(path.join(tmpdir(), 'rerank-'))
afterAll(() => rm(folder, { recursive: true, force: true }))
const network = writeModel(buildVit({ imageSize: 16, patchSize: 4, dim: 24, depth: 3, heads: 2, seed: 1 }))
const encoder = (): Promise<Encoder> => createOnnxEncoder({ model: network, name: 'tiny', threads: 1 })

const { onnx, input } = await encoder()
const { model } = await buildPairModel(
  {
    model: network,
    output: onnx!.output,
    preprocessing: (input as Extract<Encoder['input'], { kind: 'pixels' }>).preprocessing,
  },
  {},
)
await saveModel(path.join(folder, 'pair.onnx'), model)
describeReranker('stir', create('stir', { model: path.join(folder, 'pair.onnx'), topN: 6, cache: false }))

await writeFile(path.join(folder, 'tiny.onnx'), network)
describeReranker(
  'late-interaction',
  fromPlugin(
    pluginOf(plugins, 'reranker', 'late-interaction'),
    { encoder: { use: 'onnx', model: path.join(folder, 'tiny.onnx') }, topN: 6, cache: false },
    { plugins: encoders, threads: 1 },
  ),
)

describeTrainer(
  'stir',
  fromPlugin(
    pluginOf(plugins, 'trainer', 'stir'),
    { labels: 2, instances: 2, headEpochs: 1, epochs: 1, validation: 0.5, topN: 4, checkpointEvery: 1, logEvery: 1 },
    { threads: 1 },
  ),
  { dataset: () => stripesDataset(4, 4), encoder, train: runTrainer },
)

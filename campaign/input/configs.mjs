import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRandom, createRegistry } from '@lookalike/core'
import { loadConfig, loadPlugins, resolveConfig } from '@lookalike/pipeline'
import { stringify } from 'yaml'
import { tryMutants } from '../lib/mutants.mjs'
import { mutateBytes, mutateData } from '../lib/mutate.mjs'

const CONFIG = {
  name: 'campaign',
  seed: 3,
  encoder: { use: 'vit', imageSize: 16, patchSize: 4, dim: 8, depth: 1, heads: 2 },
  dataset: { use: 'folder', path: './photos', validation: 0.1, test: 0.2 },
  train: {
    use: 'metric-learning',
    loss: { use: 'triplet', margin: 0.15 },
    sampler: { use: 'balanced', labels: 8, instances: 4 },
    epochs: 2,
    optimizer: { learningRate: 0.001, weightDecay: 0.01 },
    schedule: { shape: 'cosine', warmUp: 0.5 },
    augmentations: [{ use: 'flip' }, { use: 'color-jitter', brightness: 0.25 }],
  },
  index: { use: 'usearch', precision: 'fp32' },
  rerankers: [{ use: 'k-reciprocal', topN: 20 }],
  evaluate: { ks: [1, 5], metrics: ['recall', 'map@r'] },
  images: { onCorrupt: 'skip', maxPixels: 1_000_000 },
  gallery: './gallery',
  cache: false,
}

export async function open(folder) {
  const names = ['encoders', 'losses', 'train', 'rerank', 'gallery', 'datasets', 'asymmetric', 'ensemble', 'cli']
  const registry = createRegistry(
    await loadPlugins(
      names.map((name) => `@lookalike/${name}`),
      fileURLToPath(new URL('..', import.meta.url)),
    ),
  )
  return {
    async attempt(i) {
      const random = createRandom(`config ${i}`)
      const json = random.next() < 0.5
      const write = (data) => (json ? JSON.stringify(data, null, 2) : stringify(data))
      const file = path.join(folder, `lookalike.config.${json ? 'json' : 'yaml'}`)
      writeFileSync(
        file,
        random.next() < 0.5 ? mutateBytes(Buffer.from(write(CONFIG)), random) : write(mutateData(CONFIG, random)),
      )
      // Without code: what a mutant names as a plugin or as what it extends is not run.
      const { config } = await loadConfig(file, { code: false })
      await resolveConfig(config, registry, file)
    },
  }
}

export default {
  name: 'input: mutated configs in YAML and JSON',
  run: ({ folder, short }) =>
    tryMutants(fileURLToPath(import.meta.url), { folder: path.join(folder, 'configs'), count: short ? 300 : 10_000 }),
}

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createRegistry, type ModelCost } from '@lookalike/core'
import encoders from '@lookalike/encoders'
import losses from '@lookalike/losses'
import { loadModel } from '@lookalike/onnx'
import { runTrainer } from '@lookalike/pipeline'
import { afterEach, beforeEach, expect, it } from 'vitest'
import plugins from '../index.js'
import { datasetOf, pictures, tinyEncoder } from '../testing/pictures.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'budget-'))
})
afterEach(() => rm(folder, { recursive: true }))

async function train(options: object) {
  const registry = createRegistry([...plugins, ...encoders, ...losses])
  const trainer = await registry.create(
    'trainer',
    { use: 'metric-learning', loss: 'nt-xent', epochs: 1, workers: 0, augmentations: [], ...options },
    { folder, cacheFolder: folder, seed: 0, threads: 1 },
  )
  const items = [...pictures(6, 4), ...pictures(4, 3, 'validation')]
  const run = path.join(folder, 'run')
  return {
    run,
    ...(await runTrainer(trainer, { dataset: datasetOf(items), encoder: tinyEncoder(), folder: run, seed: 0 })),
  }
}

it('a student within a budget, as long as its teacher, measured beside networks that are there', async () => {
  const budget = { maxMillionMultiplications: 1, maxBytes: 1_000_000 }
  const teacher = { encoder: { use: 'vit', imageSize: 16, patchSize: 8, dim: 12, depth: 1, heads: 2 } }
  const { run, costs } = await train({ budget, teacher })
  const bytes = await readFile(path.join(run, 'model.onnx'))
  const { graph } = await loadModel(path.join(run, 'model.onnx'))
  expect(graph.outputs[0]!.shape?.[1]).toBe(12)
  expect(bytes.length).toBeLessThanOrEqual(budget.maxBytes)
  const kept = JSON.parse(await readFile(path.join(run, 'costs.json'), 'utf8')) as ModelCost[]
  expect(kept).toEqual(costs)
  expect(kept.map(({ name }) => name)).toEqual(['light', 'builtin', 'mini', 'teacher'])
  const [light, builtin] = kept
  expect(light!.millionMultiplications).toBeLessThanOrEqual(1)
  expect(light!.metrics).toEqual({
    'recall@1': expect.any(Number) as number,
    'map@r': expect.any(Number) as number,
  })
  // The convolutions of EfficientNet-Lite0 at 112 pixels, and its linear layer.
  expect(builtin!.millionMultiplications).toBeCloseTo(105.9, 0)
  expect(await readFile(path.join(run, 'README.md'), 'utf8')).toMatch(/from light on[^]*\| builtin \| [01]\.\d{4}/)
})

it('refuses a budget in which nothing fits, before anything is trained, and one without a bound', async () => {
  await expect(train({ budget: { maxBytes: 1000 } })).rejects.toMatchObject({ code: 'encoder/budget' })
  await expect(train({ budget: {} })).rejects.toThrow('a budget needs a bound')
  await expect(train({ budget: { maxBytes: 1e6 }, head: { dim: 8 } })).rejects.toThrow('leave out "head"')
})

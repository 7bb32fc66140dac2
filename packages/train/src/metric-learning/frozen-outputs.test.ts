import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Augmentation } from '@lookalike/core'
import { loadModel } from '@lookalike/onnx'
import { type RunTrainerOptions, runTrainer } from '@lookalike/pipeline'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { balanced } from '../samplers/balanced.js'
import { centreLoss } from '../testing/centre-loss.js'
import { datasetOf, pictures, tinyEncoder } from '../testing/pictures.js'
import { type MetricLearningOptions, metricLearning } from './metric-learning.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'frozen-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** Counts how often an image is shown, and changes it a little, by its own randomness. */
function counting() {
  const seen = { count: 0 }
  const augmentation: Augmentation = {
    specVersion: 'v1',
    name: 'counting',
    apply(image, random) {
      seen.count++
      const change = random.integer(40)
      return { ...image, data: Uint8Array.from(image.data, (value) => Math.min(255, value + change)) }
    },
  }
  return { seen, augmentation }
}

const train = (
  name: string,
  options: Partial<MetricLearningOptions> = {},
  augmentations: readonly Augmentation[] = [],
  request: Partial<RunTrainerOptions> = {},
) =>
  runTrainer(
    metricLearning(
      {
        loss: 'centre',
        epochs: 4,
        optimizer: { learningRate: 0.01 },
        workers: 0,
        logEvery: 1,
        freeze: ['conv.*'],
        // A batch of three pieces, so that the ways of gradient caching are taken too.
        chunk: 6,
        ...options,
      },
      { loss: centreLoss(), sampler: balanced({ labels: 4, instances: 4 }), augmentations, threads: 1 },
    ),
    {
      dataset: datasetOf(pictures(10, 8)),
      encoder: tinyEncoder(),
      folder: path.join(folder, name),
      seed: 1,
      ...request,
    },
  )

const weightsOf = async (name: string) => (await loadModel(path.join(folder, name, 'model.onnx'))).graph.initializers

it.each([
  ['a batch in pieces', {}],
  ['a whole batch', { chunk: 64 }],
  ['a head of its own', { head: { dim: 5, hidden: [7] } }],
])(
  'without augmentations the weights are those of a run that keeps nothing, to the last bit: %s',
  async (_, options) => {
    const plain = await train('plain', options)
    const kept = await train('kept', { ...options, cacheFrozen: {} })
    expect(kept.metrics).toEqual(plain.metrics)
    const [expected, got] = [await weightsOf('plain'), await weightsOf('kept')]
    expect([...got.keys()]).toEqual([...expected.keys()])
    for (const [name, tensor] of expected) expect(got.get(name), name).toEqual(tensor)
  },
)

it('shows each image once a view to the frozen layers, and goes on where it was as if it had not stopped', async () => {
  const { seen, augmentation } = counting()
  const options = { validation: 0, cacheFrozen: { views: 2 } }
  await train('whole', options, [augmentation])
  expect(seen.count).toBe(2 * 80)
  const stop = new AbortController()
  let steps = 0
  const cut = await train('cut', options, [counting().augmentation], {
    signal: stop.signal,
    onProgress: ({ phase }) => void (phase === 'train' && ++steps === 9 && stop.abort()),
  })
  expect(cut.stopped).toBe('aborted')
  await train('cut', options, [counting().augmentation], { resume: true })
  const [whole, resumed] = [await weightsOf('whole'), await weightsOf('cut')]
  for (const [name, tensor] of whole) expect(resumed.get(name), name).toEqual(tensor)
  // Two views are not one.
  await train('one', { validation: 0, cacheFrozen: {} }, [counting().augmentation])
  expect((await weightsOf('one')).get('head.weight')).not.toEqual(whole.get('head.weight'))
})

it('says what is in the way', async () => {
  await expect(train('a', { freeze: ['head.*'], cacheFrozen: {} })).rejects.toMatchObject({
    code: 'train/nothing-frozen',
  })
  await expect(train('b', { cacheFrozen: {}, memory: 0 })).rejects.toMatchObject({ code: 'train/frozen-memory' })
})

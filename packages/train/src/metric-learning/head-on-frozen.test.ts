import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createEmbeddings, type EmbeddingCache, type Encoder } from '@lookalike/core'
import { openEmbeddingCache } from '@lookalike/image'
import { createSession, float32, loadModel, type Session } from '@lookalike/onnx'
import { runTrainer } from '@lookalike/pipeline'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { balanced } from '../samplers/balanced.js'
import { centreLoss } from '../testing/centre-loss.js'
import { datasetOf, EDGE, pictures, tinyEncoder, tinyNetwork } from '../testing/pictures.js'
import { type HeadTrainerOptions, headOnFrozen } from './head-on-frozen.js'

let folder: string
let session: Session
let encoded = 0
const caches: EmbeddingCache[] = []
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'head-'))
  session = await createSession(tinyNetwork(), { threads: 1 })
  encoded = 0
})
afterEach(async () => {
  await session.dispose()
  for (const cache of caches.splice(0)) await cache.close()
  await rm(folder, { recursive: true })
})

const encoder = (): Encoder => ({
  ...tinyEncoder(),
  async encode(batch) {
    if (batch.kind !== 'pixels') throw new Error('pixels')
    encoded += batch.count
    const { embedding } = await session.run({ pixel_values: float32(batch.data, [batch.count, 3, EDGE, EDGE]) })
    return createEmbeddings({
      data: embedding!.data as Float32Array,
      rows: batch.count,
      dim: 6,
      space: 'tiny',
      role: 'any',
    })
  },
})

const dataset = datasetOf([...pictures(12, 8), ...pictures(4, 3, 'test')])
const train = (options: Partial<HeadTrainerOptions> = {}, given = dataset, overwrite = true) =>
  runTrainer(
    headOnFrozen(
      {
        loss: 'centre',
        epochs: 20,
        validation: 0.25,
        optimizer: { learningRate: 0.02 },
        head: { dim: 5, hidden: [16] },
        ...options,
      },
      { loss: centreLoss(), sampler: balanced({ labels: 4, instances: 4 }), threads: 1 },
    ),
    {
      dataset: given,
      encoder: encoder(),
      folder: path.join(folder, 'run'),
      seed: 1,
      overwrite,
      images: {
        async openCache(space, dim) {
          const cache = await openEmbeddingCache(path.join(folder, 'cache'), space, dim)
          caches.push(cache)
          return cache
        },
      },
    },
  )

describe('head', () => {
  it('learns on embeddings that were computed once, and gives encoder and head as one network', async () => {
    const result = await train()
    expect(encoded).toBe(96)
    await train()
    expect(encoded).toBe(96)
    expect(result.metrics['validation recall@1']).toBeGreaterThan(0.4)

    const model = await loadModel(path.join(folder, 'run', 'model.onnx'))
    const whole = await createSession(model, { threads: 1 })
    const pixels = float32(
      new Float32Array(2 * 3 * EDGE * EDGE).map((_, i) => Math.sin(i)),
      [2, 3, EDGE, EDGE],
    )
    const output = Object.values(await whole.run({ pixel_values: pixels }))[0]!
    await whole.dispose()
    expect(output.shape).toEqual([2, 5])
    const data = output.data as Float32Array
    expect(Math.hypot(...data.subarray(0, 5))).toBeCloseTo(1, 5)
    // The encoder is what it was.
    expect(model.graph.initializers.get('conv.weight')).toEqual(tinyNetwork().graph.initializers.get('conv.weight'))
    const card = JSON.parse(await readFile(path.join(folder, 'run', 'card.json'), 'utf8')) as { trainer: string }
    expect(card.trainer).toBe('head')
  })

  it('never replaces a finished run unasked', async () => {
    await train({ epochs: 1 })
    const before = await readFile(path.join(folder, 'run', 'model.onnx'))
    await expect(train({ epochs: 2 }, dataset, false)).rejects.toMatchObject({ code: 'train/run-exists' })
    expect((await readFile(path.join(folder, 'run', 'model.onnx'))).equals(before)).toBe(true)
  })

  it('leaves out images that cannot be read, and whole classes of them', async () => {
    const broken = datasetOf(
      dataset.items.map((item) => (item.label === 'train 2' ? { ...item, source: new Uint8Array([1, 2]) } : item)),
    )
    expect(await train({ validation: 0, epochs: 2 }, broken)).toMatchObject({ stopped: 'finished' })
    expect(encoded).toBe(88)
  })
})

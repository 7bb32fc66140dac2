import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createEmbeddings, type Encoder, type Loss } from '@lookalike/core'
import { createSession, float32, loadModel } from '@lookalike/onnx'
import { runTrainer } from '@lookalike/pipeline'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { balanced } from '../samplers/balanced.js'
import { datasetOf, EDGE, pictures, preprocessing, tinyEncoder, tinyNetwork } from '../testing/pictures.js'
import { cosineMatch } from './distillation.js'
import { metricLearning } from './metric-learning.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'distil-'))
})
afterEach(() => rm(folder, { recursive: true }))

it('value and gradient, hand-worked and by finite differences', () => {
  const targets = Float32Array.of(1, 0, /* unread */ 0, 0, 0, 2)
  // A right angle, an image without a target, the same direction.
  expect(cosineMatch(Float32Array.of(0, 3, 1, 1, 0, 5), Int32Array.of(0, 1, 2), targets, 2, 6).value).toBeCloseTo(2, 6)
  const x = Float32Array.of(0.3, -0.8, 1.2, 0.4, 0.9, 0.2)
  const rows = Int32Array.of(2, 0, 1)
  const { gradient } = cosineMatch(x, rows, targets, 2, 1)
  for (let i = 0; i < x.length; i++) {
    const at = (change: number) =>
      cosineMatch(
        x.map((value, j) => (i === j ? value + change : value)),
        rows,
        targets,
        2,
        1,
      ).value
    expect(gradient[i]).toBeCloseTo((at(1e-3) - at(-1e-3)) / 2e-3, 4)
  }
})

/** Asks nothing of the embeddings, so that the teacher alone is learned from. */
const nothing = {
  bind: async () =>
    ({
      specVersion: 'v1',
      name: 'nothing',
      input: 'labels',
      parameters: [],
      dispose: () => {},
      compute: async ({ embeddings }) => ({
        value: 0,
        gradients: { embeddings: new Float32Array(embeddings.length), parameters: {} },
        logs: {},
      }),
    }) satisfies Loss,
}

async function modelEncoder(model: ReturnType<typeof tinyNetwork>, space: string) {
  const session = await createSession(model, { threads: 1 })
  let seen = 0
  let disposed = false
  const encoder: Encoder = {
    specVersion: 'v1',
    name: space,
    dim: 6,
    space,
    input: { kind: 'pixels', preprocessing },
    batchSize: 16,
    async encode(batch) {
      if (batch.kind !== 'pixels') throw new Error('pixels')
      seen += batch.count
      const { embedding } = await session.run({ pixel_values: float32(batch.data, [batch.count, 3, EDGE, EDGE]) })
      return createEmbeddings({ data: embedding!.data as Float32Array, rows: batch.count, dim: 6, space, role: 'any' })
    },
    async dispose() {
      disposed = true
    },
  }
  return { encoder, session, seen: () => seen, disposed: () => disposed }
}

const trainer = (teacher: Encoder) =>
  metricLearning(
    {
      loss: 'nothing',
      epochs: 20,
      workers: 0,
      validation: 0,
      augmentations: [],
      optimizer: { learningRate: 0.01 },
      teacher: { encoder: 'teacher' },
    },
    {
      loss: nothing,
      sampler: balanced({ labels: 4, instances: 4 }),
      augmentations: [],
      teacher: async () => teacher,
      threads: 1,
    },
  )

it('brings a network to the teacher, on images of other classes too; the teacher sees each image once', async () => {
  const teacher = await modelEncoder(tinyNetwork(7), 'teacher')
  const items = pictures(40, 6)
  await runTrainer(trainer(teacher.encoder), { dataset: datasetOf(items), encoder: tinyEncoder(), folder, seed: 1 })
  expect([teacher.seen(), teacher.disposed()]).toEqual([items.length, true])

  const student = await createSession(await loadModel(path.join(folder, 'model.onnx')), { threads: 1 })
  const before = await createSession(tinyNetwork(), { threads: 1 })
  const random = pictures(8, 1, 'test').map(({ source }) => (source as { data: Uint8Array }).data)
  const pixels = new Float32Array(random.length * 3 * EDGE * EDGE)
  for (const [n, data] of random.entries()) {
    for (let p = 0; p < EDGE * EDGE; p++)
      for (let c = 0; c < 3; c++) pixels[(n * 3 + c) * EDGE * EDGE + p] = (data[p * 3 + c]! / 255 - 0.5) / 0.25
  }
  const feeds = { pixel_values: float32(pixels, [random.length, 3, EDGE, EDGE]) }
  const of = async (session: typeof student) => (await session.run(feeds))['embedding']!.data as Float32Array
  const wanted = await of(teacher.session)
  const cosine = (x: Float32Array) => x.reduce((sum, value, i) => sum + value * wanted[i]!, 0) / random.length
  expect(cosine(await of(student))).toBeGreaterThan(0.9)
  expect(cosine(await of(before))).toBeLessThan(0.6)
  for (const session of [student, before, teacher.session]) await session.dispose()
})

it('refuses a teacher of another length, and says what to change', async () => {
  const { encoder, disposed, session } = await modelEncoder(tinyNetwork(7), 'teacher')
  await expect(
    runTrainer(trainer({ ...encoder, dim: 9 }), {
      dataset: datasetOf(pictures(10, 8)),
      encoder: tinyEncoder(),
      folder,
      seed: 1,
    }),
  ).rejects.toMatchObject({ code: 'train/teacher-dim', message: expect.stringContaining('head.dim') as unknown })
  expect(disposed()).toBe(true)
  await session.dispose()
})

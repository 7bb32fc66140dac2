import type { Scalar } from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { loadTensorflow } from './backend/load-tensorflow.js'
import { arcface, cosface, describeBackend, fromTensorflow, proxyAnchor, proxyNcaPp } from './index.js'
import { randomBatch } from './testing/batches.js'
import { checkGradients } from './testing/finite-differences.js'

const binding = { dim: 6, classes: 5, seed: 1 }

const centre = fromTensorflow(
  (tf, { embeddings, labels, parameters }) => {
    const centres = tf.gather(parameters['centres']!, labels)
    return { value: tf.mean(tf.squaredDifference(embeddings, centres)) as Scalar, logs: { pulled: labels.size } }
  },
  {
    name: 'centre',
    parameters: ({ classes, dim, random }) => ({
      centres: {
        shape: [classes, dim],
        data: Float32Array.from({ length: classes * dim }, () => random.normal()),
        decay: false,
      },
      unused: { shape: [2], data: new Float32Array(2), learningRateFactor: 3 },
    }),
  },
)

describe('fromTensorflow', () => {
  it('derives the gradients of embeddings and parameters', async () => {
    const loss = await centre.bind(binding)
    expect(loss.parameters.map(({ name, learningRateFactor, decay }) => [name, learningRateFactor, decay])).toEqual([
      ['centres', 1, false],
      ['unused', 3, true],
    ])
    const input = randomBatch(1, 8, 6, 5)
    const output = await loss.compute(input)
    expect(output.logs).toEqual({ pulled: 8 })
    expect([...output.gradients.parameters['unused']!]).toEqual([0, 0])
    const { largest, worst } = await checkGradients(loss, input)
    expect(worst / largest).toBeLessThan(1e-2)
  })

  it('leaves no tensors behind, also when the function fails', async () => {
    const tf = await loadTensorflow()
    const failing = await fromTensorflow(
      (t, { embeddings }) => {
        t.mul(embeddings, 2)
        throw new Error('no')
      },
      { name: 'failing' },
    ).bind(binding)
    const loss = await centre.bind(binding)
    const input = randomBatch(1, 8, 6, 5)
    await loss.compute(input)
    const before = tf.memory().numTensors
    await loss.compute(input)
    await expect(failing.compute(input)).rejects.toThrow('no')
    expect(tf.memory().numTensors).toBe(before)
  })

  it('serves triples', async () => {
    const loss = await fromTensorflow(
      (tf, { embeddings, triples }) => {
        const [reference, closer, farther] = tf
          .unstack(triples, 1)
          .map((rows) => tf.gather(embeddings, tf.cast(rows, 'int32')))
        const distance = (x: typeof reference) => tf.sum(tf.squaredDifference(reference!, x!), 1)
        return tf.mean(tf.relu(tf.add(tf.sub(distance(closer), distance(farther)), 100))) as Scalar
      },
      { name: 'ranked', input: 'triples' },
    ).bind({ ...binding, classes: 0 })
    const { labels: _labels, ...batch } = randomBatch(2, 4, 6, 4)
    const triples = [
      { reference: 0, a: 1, b: 2, target: 0 },
      { reference: 3, a: 1, b: 0, target: 1 },
    ] as const
    const { worst, largest } = await checkGradients(loss, { ...batch, triples })
    expect(worst / largest).toBeLessThan(1e-2)
    const swapped = [triples[0], { reference: 3, a: 0, b: 1, target: 0 }]
    expect((await loss.compute({ ...batch, triples: swapped })).value).toBe(
      (await loss.compute({ ...batch, triples })).value,
    )
    await expect(loss.compute(batch)).rejects.toMatchObject({ code: 'loss/triples' })
    await expect(loss.compute({ ...batch, triples: [{ reference: 0, a: 1, b: 4, target: 0 }] })).rejects.toMatchObject({
      code: 'loss/triples',
    })
    expect((await loss.compute({ ...batch, triples: [] })).value).toBe(0)
  })

  it('says what a function must return', async () => {
    const loss = await fromTensorflow((_tf, { embeddings }) => embeddings as never, { name: 'odd' }).bind(binding)
    await expect(loss.compute(randomBatch(1, 8, 6, 5))).rejects.toThrow(/shape \[8, 6\]/)
    const infinite = await fromTensorflow((tf, { embeddings }) => tf.div(tf.sum(embeddings), 0) as Scalar, {
      name: 'odd',
    }).bind(binding)
    await expect(infinite.compute(randomBatch(1, 8, 6, 5))).rejects.toMatchObject({ code: 'loss/not-finite' })
  })

  it('agrees with the hand-written kernels, for losses written down a second time', async () => {
    const input = randomBatch(3, 12, 6, 5)
    const written = {
      'proxy-anchor': [proxyAnchor(), 'anchor'],
      arcface: [arcface(), 'arcface'],
      cosface: [cosface(), 'cosface'],
      'proxy-nca-pp': [proxyNcaPp(), 'nca'],
    } as const
    for (const [name, [fast, kind]] of Object.entries(written)) {
      const own = await fast.bind(binding)
      const second = await fromTensorflow(
        (tf, { embeddings, labels, parameters }) => {
          const unit = (x: typeof embeddings) => tf.div(x, tf.norm(x, 2, 1, true)) as typeof embeddings
          const s = tf.matMul(unit(embeddings), unit(parameters['proxies'] as typeof embeddings), false, true)
          const mine = tf.cast(tf.oneHot(labels, 5), 'float32')
          if (kind === 'anchor') {
            const positive = tf.log1p(tf.sum(tf.mul(tf.exp(tf.mul(tf.sub(s, 0.1), -32)), mine), 0))
            const negative = tf.log1p(tf.sum(tf.mul(tf.exp(tf.mul(tf.add(s, 0.1), 32)), tf.sub(1, mine)), 0))
            return tf.add(tf.div(tf.sum(positive), 5), tf.mean(negative)) as Scalar
          }
          const theta = tf.acos(s)
          const m = (28.6 * Math.PI) / 180
          const target =
            kind === 'arcface'
              ? tf.where(tf.lessEqual(theta, Math.PI - m), tf.cos(tf.add(theta, m)), tf.sub(s, m * Math.sin(m)))
              : tf.sub(s, kind === 'cosface' ? 0.35 : 0)
          const logits = tf.mul(tf.add(tf.mul(s, tf.sub(1, mine)), tf.mul(target, mine)), kind === 'nca' ? 18 : 64)
          return tf.mean(tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits as typeof embeddings), mine), 1))) as Scalar
        },
        { name, parameters: () => ({ proxies: { shape: [5, 6], data: own.parameters[0]!.data } }) },
      ).bind(binding)
      const a = await own.compute(input)
      const b = await second.compute(input)
      expect(a.value / b.value).toBeCloseTo(1, 4)
      for (const [x, y] of [
        [a.gradients.embeddings, b.gradients.embeddings],
        [a.gradients.parameters['proxies']!, b.gradients.parameters['proxies']!],
      ] as const) {
        const largest = Math.max(...y.map(Math.abs))
        x.forEach((g, i) => expect(Math.abs(g - y[i]!) / largest).toBeLessThan(1e-3))
      }
    }
  })
})

it('describeBackend says what computes', async () => {
  const { tensorflow, tensorflowVersion, products } = await describeBackend()
  expect(['tensorflow', 'wasm', 'cpu']).toContain(tensorflow)
  expect(tensorflowVersion).toMatch(/^4\./)
  const { engine } = await centre.bind(binding)
  expect(engine).toBe(`tensorflow ${tensorflow}`)
  expect((await proxyAnchor().bind(binding)).engine).toContain(products)
})

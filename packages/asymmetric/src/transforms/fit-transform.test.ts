import { createEmbeddings, createRandom } from '@lookalike/core'
import { createSession, float32, readModel, writeModel } from '@lookalike/onnx'
import { Matrix } from 'ml-matrix'
import { describe, expect, it } from 'vitest'
import { clusters, meanCosine, multiply, orthonormal, part } from '../testing/paired.js'
import { chooseRidge } from './choose-ridge.js'
import { createTransformer } from './create-transformer.js'
import { leastSquares } from './fit-linear.js'
import { procrustesRotation } from './fit-procrustes.js'
import { fitTransform } from './fit-transform.js'
import { pairEmbeddings } from './pair-embeddings.js'
import type { PairedEmbeddings, Transform } from './transform.js'

async function apply(transform: Transform, rows: Float32Array): Promise<Float32Array> {
  const transformer = await createTransformer(transform, { threads: 1 })
  const mapped = await transformer.apply(rows)
  await transformer.dispose()
  return mapped
}

/** A smooth map that no matrix can undo. */
function bent(rows: number, dim: number, to: number): PairedEmbeddings {
  const { data, labels } = clusters(rows, dim, 12, 3, 0.6)
  const wide = multiply(data, dim, orthonormal(Math.max(dim, to), Math.min(dim, to), 4).slice(0, dim * to), to)
  return {
    from: data,
    inputDim: dim,
    to: wide.map((value) => Math.tanh(6 * value) + 0.5 * Math.abs(value)),
    outputDim: to,
    rows,
    labels,
    classes: 12,
  }
}

const quick = { epochs: 12, batchSize: 64, learningRate: 3e-3 }

describe('procrustes', () => {
  it('recovers a rotation', async () => {
    const { data } = clusters(300, 24, 5, 1)
    const rotation = orthonormal(24, 24, 2)
    const found = await procrustesRotation(
      { from: data, inputDim: 24, to: multiply(data, 24, rotation, 24), outputDim: 24, rows: 300 },
      { threads: 1 },
    )
    for (let i = 0; i < found.length; i++) expect(found[i]).toBeCloseTo(rotation[i]!, 4)
  })

  it.each([
    [24, 16],
    [16, 24],
  ])('maps %i to %i dimensions without stretching', async (inputDim, outputDim) => {
    const { data } = clusters(300, inputDim, 5, 1)
    const to = clusters(300, outputDim, 5, 2).data
    const found = await procrustesRotation({ from: data, inputDim, to, outputDim, rows: 300 }, { threads: 1 })
    const narrow = Math.min(inputDim, outputDim)
    for (let i = 0; i < narrow; i++) {
      for (let j = 0; j < narrow; j++) {
        let product = 0
        for (let k = 0; k < Math.max(inputDim, outputDim); k++) {
          product +=
            inputDim > outputDim
              ? found[k * outputDim + i]! * found[k * outputDim + j]!
              : found[i * outputDim + k]! * found[j * outputDim + k]!
        }
        expect(product).toBeCloseTo(i === j ? 1 : 0, 4)
      }
    }
  })
})

it('least squares recovers an affine map', async () => {
  const { data } = clusters(400, 12, 6, 5, 1)
  const to = multiply(data, 12, orthonormal(12, 8, 6), 8).map((value, i) => 0.7 * value * (1 + (i % 8)) + 0.4)
  const pairs = { from: data, inputDim: 12, to, outputDim: 8, rows: 400 }
  const fitted = await fitTransform(part(pairs, 0, 300), { kind: 'linear', ridge: 1e-7 }, { seed: 0, threads: 1 })
  const rest = part(pairs, 300, 400)
  expect(meanCosine(await apply(fitted.transform, rest.from), rest.to, 8)).toBeGreaterThan(0.99)
})

it('least squares of fewer rows than dimensions solves the same normal equations', async () => {
  const { data } = clusters(20, 30, 4, 5, 1)
  const to = clusters(20, 7, 4, 6, 1).data
  const { weight } = await leastSquares({ from: data, inputDim: 30, to, outputDim: 7, rows: 20 }, 1e-2, { threads: 1 })
  const centred = (rows: Float32Array, dim: number) => {
    const matrix = Matrix.from1DArray(20, dim, rows)
    return matrix.subRowVector(matrix.mean('column'))
  }
  const [x, y] = [centred(data, 30), centred(to, 7)]
  const left = x
    .transpose()
    .mmul(x)
    .add(Matrix.eye(30, 30, 1e-2 * 20))
  const difference = left.mmul(Matrix.from1DArray(30, 7, weight)).sub(x.transpose().mmul(y))
  expect(Math.max(...difference.to1DArray().map(Math.abs))).toBeLessThan(1e-5)
})

describe('the ridge, of several', () => {
  const noisy = (rows: number, noise: number) => {
    const { data } = clusters(rows, 24, rows, 5, 1)
    const random = createRandom(7)
    const to = multiply(data, 24, orthonormal(24, 24, 6), 24).map((value) => value + noise * random.normal())
    return { from: data, inputDim: 24, to, outputDim: 24, rows }
  }
  it('is large for few noisy pairs, and the transform is then learned from all of them', async () => {
    const pairs = noisy(40, 0.25)
    const { ridge, recalls } = await chooseRidge(pairs, [1e-6, 1e-1], 0, { threads: 1 })
    expect(ridge).toBe(1e-1)
    expect(recalls[1]).toBeGreaterThan(recalls[0]!)
    const fitted = await fitTransform(pairs, { kind: 'linear', ridge: [1e-6, 1e-1] }, { seed: 0, threads: 1 })
    expect(fitted.ridge).toBe(1e-1)
    const alone = await fitTransform(pairs, { kind: 'linear', ridge: 1e-1 }, { seed: 0, threads: 1 })
    expect(writeModel(fitted.transform.model)).toEqual(writeModel(alone.transform.model))
  })

  it('of ridges that find as many pairs the larger one counts', async () => {
    expect((await chooseRidge(noisy(400, 0), [1e-6, 1e-5], 0, { threads: 1 })).ridge).toBe(1e-5)
  })
})

describe('transforms of images that they were not trained on', () => {
  it.each([
    { kind: 'procrustes' } as const,
    { kind: 'linear', ridge: 1e-4 } as const,
    { kind: 'mlp' as const, hidden: [64], ...quick },
    { kind: 'residual-bottleneck', ...quick } as const,
  ])('$kind beats the identity', async (options) => {
    const pairs = bent(700, 16, 16)
    const rest = part(pairs, 600, 700)
    const { transform, similarity } = await fitTransform(part(pairs, 0, 600), options, { seed: 0, threads: 1 })
    const after = meanCosine(await apply(transform, rest.from), rest.to, 16)
    expect(after).toBeGreaterThan(meanCosine(rest.from, rest.to, 16) + 0.2)
    expect(Math.abs(similarity - after)).toBeLessThan(0.1)
  })

  it('the residual bottleneck beats the rotation on a bent map to another dimension', async () => {
    const pairs = bent(900, 16, 10)
    const rest = part(pairs, 700, 900)
    const cosine = async (options: Parameters<typeof fitTransform>[1]) =>
      meanCosine(
        await apply((await fitTransform(part(pairs, 0, 700), options, { seed: 0, threads: 1 })).transform, rest.from),
        rest.to,
        10,
      )
    const rotation = await cosine({ kind: 'procrustes' })
    expect(await cosine({ kind: 'residual-bottleneck', ...quick })).toBeGreaterThan(rotation + 0.01)
  })
})

describe('loss terms', () => {
  const pairs = bent(300, 8, 8)
  const only = { similarity: 0, divergence: 0, classification: 0 }
  const run = (terms: object, data: PairedEmbeddings = pairs) =>
    fitTransform(
      data,
      { kind: 'residual-bottleneck', ...quick, epochs: 3, heldOut: 0, ...terms },
      { seed: 0, threads: 1 },
    )

  it.each(['similarity', 'divergence', 'classification'])('%s works alone', async (term) => {
    const { transform } = await run({ ...only, [term]: 1 })
    const plain = await fitTransform(pairs, { kind: 'procrustes' }, { seed: 0, threads: 1 })
    const [a, b] = [await apply(transform, pairs.from), await apply(plain.transform, pairs.from)]
    expect(a.some((value, i) => Math.abs(value - b[i]!) > 1e-3)).toBe(true)
  })

  it('labels do not matter to the similarity alone', async () => {
    const { labels: _, classes: __, ...unlabelled } = pairs
    const with_ = await run({ ...only, similarity: 1 })
    const without = await run({}, unlabelled)
    expect(await apply(without.transform, pairs.from)).toEqual(await apply(with_.transform, pairs.from))
  })

  it('none that can be computed is an error', async () => {
    const { labels: _, classes: __, ...unlabelled } = pairs
    await expect(run({ similarity: 0 }, unlabelled)).rejects.toMatchObject({ code: 'asymmetric/no-loss' })
  })
})

it('stops when the held-out part no longer gets better, and keeps the best', async () => {
  const { data } = clusters(200, 8, 4, 7)
  const rotation = orthonormal(8, 8, 8)
  const pairs = { from: data, inputDim: 8, to: multiply(data, 8, rotation, 8), outputDim: 8, rows: 200 }
  const result = await fitTransform(
    pairs,
    { kind: 'residual-bottleneck', learningRate: 0.3, epochs: 200, patience: 2 },
    { seed: 0, threads: 1 },
  )
  expect(result.stopped).toBe('early')
  expect(result.epochs).toBeLessThan(200)
  expect(result.similarity).toBeGreaterThan(0.9999)
})

it('the start has not seen the held-out pairs: nothing can be learned from noise', async () => {
  // Fewer pairs than dimensions: least squares would fit any pair that it sees.
  const pairs = {
    from: clusters(60, 64, 60, 1, 1).data,
    inputDim: 64,
    to: clusters(60, 64, 60, 2, 1).data,
    outputDim: 64,
    rows: 60,
  }
  const { similarity } = await fitTransform(
    pairs,
    { kind: 'residual-bottleneck', epochs: 1, heldOut: 0.3 },
    { seed: 0, threads: 1 },
  )
  expect(Math.abs(similarity)).toBeLessThan(0.2)
})

it('the same seed gives the same transform, another seed another one', async () => {
  const pairs = bent(200, 8, 8)
  const weights = async (seed: number) => {
    const { transform } = await fitTransform(
      pairs,
      { kind: 'mlp', hidden: [8], epochs: 2, batchSize: 32 },
      { seed, threads: 1 },
    )
    return Array.from(transform.model.graph.initializers.get('hidden0.weight')!.data as Float32Array)
  }
  const first = await weights(1)
  expect(await weights(1)).toEqual(first)
  expect(await weights(2)).not.toEqual(first)
})

it('a transform is an ordinary ONNX model', async () => {
  const pairs = bent(100, 8, 6)
  const { transform } = await fitTransform(pairs, { kind: 'residual-bottleneck', epochs: 1 }, { seed: 0, threads: 1 })
  const session = await createSession(readModel(writeModel(transform.model)))
  const { transformed } = await session.run({ embedding: float32(pairs.from.slice(0, 16), [2, 8]) })
  await session.dispose()
  expect(transformed!.shape).toEqual([2, 6])
  const expected = await apply(transform, pairs.from.slice(0, 16))
  Array.from(transformed!.data as Float32Array).forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 6))
})

describe('pairing', () => {
  const embeddings = (rows: number, space: string) =>
    createEmbeddings({ data: new Float32Array(rows * 2).fill(1), rows, dim: 2, space, role: 'any' })

  it('refuses what is not paired', () => {
    expect(() => pairEmbeddings(embeddings(3, 'heavy'), embeddings(4, 'light'))).toThrow(
      expect.objectContaining({ code: 'asymmetric/unpaired' }),
    )
    expect(() => pairEmbeddings(embeddings(3, 'heavy'), embeddings(3, 'light'), ['a'])).toThrow(
      expect.objectContaining({ code: 'asymmetric/unpaired' }),
    )
    expect(() => pairEmbeddings(embeddings(1, 'heavy'), embeddings(1, 'light'))).toThrow(
      expect.objectContaining({ code: 'asymmetric/too-few' }),
    )
  })

  it('numbers the classes', () => {
    expect(pairEmbeddings(embeddings(3, 'heavy'), embeddings(3, 'light'), ['b', 'a', 'b'])).toMatchObject({
      labels: Int32Array.of(1, 0, 1),
      classes: 2,
    })
  })
})

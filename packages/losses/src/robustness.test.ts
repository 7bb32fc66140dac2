import { isLookalikeError, type UnboundLoss } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import { loadTensorflow } from './backend/load-tensorflow.js'
import {
  arcface,
  circle,
  contrastive,
  cosface,
  crossBatchMemory,
  multiSimilarity,
  ntXent,
  proxyAnchor,
  proxyNcaPp,
  softTriple,
  sumOfLosses,
  supCon,
  triplet,
} from './index.js'
import { randomBatch } from './testing/batches.js'

const pairLosses: readonly (readonly [string, UnboundLoss])[] = [
  ['triplet hard', triplet()],
  ['triplet all', triplet({ mining: 'all' })],
  ['triplet semi-hard', triplet({ mining: 'semi-hard' })],
  ['triplet n-hard', triplet({ mining: 'n-hard' })],
  ['contrastive', contrastive()],
  ['multi-similarity', multiSimilarity()],
  ['nt-xent', ntXent()],
  ['sup-con', supCon()],
  ['circle', circle()],
  ['cross-batch-memory', crossBatchMemory(ntXent(), { size: 8, startStep: 0 })],
]
const proxyLosses: readonly (readonly [string, UnboundLoss])[] = [
  ['proxy-anchor', proxyAnchor()],
  ['proxy-anchor with orthogonality', proxyAnchor({ orthogonality: {} })],
  ['arcface', arcface()],
  ['cosface', cosface()],
  ['proxy-nca-pp', proxyNcaPp()],
  ['soft-triple', softTriple({ K: 2 })],
]
const all = [...pairLosses, ...proxyLosses, ['sum', sumOfLosses([{ loss: ntXent() }, { loss: arcface() }])] as const]
const binding = { dim: 6, classes: 4, seed: 1 }

const finite = (data: Float32Array) => data.every(Number.isFinite)

describe.each(all)('%s', (_name, unbound) => {
  it('gives 0 and zero gradients for an empty batch', async () => {
    const loss = await unbound.bind(binding)
    const { value, gradients } = await loss.compute({ ...randomBatch(1, 0, 6, 4) })
    expect(value).toBe(0)
    expect(gradients.embeddings.length).toBe(0)
    for (const { name, data } of loss.parameters) {
      expect(gradients.parameters[name]!.length).toBe(data.length)
      expect(gradients.parameters[name]!.every((g) => g === 0)).toBe(true)
    }
  })

  it.each([
    ['one class', 1],
    ['no positives', 6],
  ])('stays finite with %s', async (_what, labels) => {
    const loss = await unbound.bind({ ...binding, classes: 6 })
    const { value, gradients } = await loss.compute(randomBatch(2, 6, 6, labels))
    expect(Number.isFinite(value)).toBe(true)
    expect(finite(gradients.embeddings)).toBe(true)
    for (const gradient of Object.values(gradients.parameters)) expect(finite(gradient)).toBe(true)
  })

  it('stays finite for zero, equal and huge embeddings', async () => {
    const loss = await unbound.bind(binding)
    for (const fill of [() => 0, () => 1, (i: number) => (i % 7) * 1e6 - 3e6]) {
      const input = { ...randomBatch(3, 8, 6, 4), embeddings: Float32Array.from({ length: 48 }, (_, i) => fill(i)) }
      const { value, gradients } = await loss.compute(input)
      expect(Number.isFinite(value)).toBe(true)
      expect(finite(gradients.embeddings)).toBe(true)
    }
  })

  it('names the row of NaN, and labels that do not fit', async () => {
    const loss = await unbound.bind(binding)
    const input = randomBatch(4, 8, 6, 4)
    const broken = { ...input, embeddings: input.embeddings.slice() }
    broken.embeddings[6 * 5 + 2] = NaN
    const failure = async (given: Parameters<typeof loss.compute>[0]) =>
      loss.compute(given).then(undefined, (error: unknown) => error)
    const nan = await failure(broken)
    expect(isLookalikeError(nan, 'loss/not-finite') && nan.fields['row']).toBe(5)
    const { labels: _labels, ...unlabelled } = input
    expect(isLookalikeError(await failure(unlabelled), 'loss/labels')).toBe(true)
    const negative = { ...input, labels: input.labels.map((label, row) => (row === 3 ? -1 : label)) }
    expect(isLookalikeError(await failure(negative), 'loss/labels')).toBe(true)
    expect(isLookalikeError(await failure({ ...input, dim: 5 }), 'loss/shape')).toBe(true)
  })

  it('gives the same value and gradients for the batch in another order', async () => {
    const input = randomBatch(5, 8, 6, 4)
    const order = [3, 0, 7, 5, 1, 6, 2, 4]
    const shuffled = {
      ...input,
      embeddings: Float32Array.from(order.flatMap((row) => [...input.embeddings.subarray(row * 6, row * 6 + 6)])),
      labels: Int32Array.from(order, (row) => input.labels[row]!),
    }
    const a = await (await unbound.bind(binding)).compute(input)
    const b = await (await unbound.bind(binding)).compute(shuffled)
    expect(b.value).toBeCloseTo(a.value, 4)
    const scale = Math.max(...a.gradients.embeddings.map(Math.abs), 1e-6)
    order.forEach((row, position) => {
      for (let d = 0; d < 6; d++) {
        const difference = a.gradients.embeddings[row * 6 + d]! - b.gradients.embeddings[position * 6 + d]!
        expect(Math.abs(difference) / scale).toBeLessThan(1e-4)
      }
    })
    for (const [name, gradient] of Object.entries(a.gradients.parameters)) {
      const largest = Math.max(...gradient.map(Math.abs))
      gradient.forEach((g, i) => expect(Math.abs(g - b.gradients.parameters[name]![i]!) / largest).toBeLessThan(1e-4))
    }
  })

  it('leaves no tensors behind', async () => {
    const tf = await loadTensorflow()
    const loss = await unbound.bind(binding)
    const input = randomBatch(6, 8, 6, 4)
    await loss.compute(input)
    const before = tf.memory().numTensors
    for (let step = 0; step < 3; step++) await loss.compute({ ...input, step })
    expect(tf.memory().numTensors).toBe(before)
  })
})

it.each(proxyLosses)('%s refuses labels beyond its classes', async (_name, unbound) => {
  const loss = await unbound.bind(binding)
  await expect(loss.compute(randomBatch(7, 8, 6, 5))).rejects.toMatchObject({
    code: 'loss/labels',
    fields: { row: 4, label: 4 },
  })
  await expect(unbound.bind({ ...binding, classes: 0 })).rejects.toMatchObject({ code: 'loss/classes' })
})

it.each(pairLosses)('%s has nothing to learn from a batch without pairs', async (_name, unbound) => {
  const loss = await unbound.bind(binding)
  const { value, gradients } = await loss.compute(randomBatch(8, 1, 6, 1))
  expect(value).toBe(0)
  expect(gradients.embeddings.every((g) => g === 0)).toBe(true)
})

it('does not overflow at steep scales', async () => {
  for (const unbound of [
    proxyAnchor({ alpha: 5000 }),
    arcface({ s: 5000 }),
    ntXent({ tau: 1e-4 }),
    multiSimilarity({ beta: 5000 }),
  ]) {
    const { value, gradients } = await (await unbound.bind(binding)).compute(randomBatch(9, 8, 6, 4))
    expect(Number.isFinite(value)).toBe(true)
    expect(finite(gradients.embeddings)).toBe(true)
  }
})

describe.each(all)('%s, given other arrays', (_name, unbound) => {
  const input = randomBatch(10, 8, 6, 4)
  const given = async (embeddings: unknown, labels: unknown) =>
    (await unbound.bind(binding)).compute({ ...input, embeddings, labels } as never)

  it('takes any numbers and gives the same', async () => {
    const wanted = await given(input.embeddings, input.labels)
    const plain = Array.from(input.embeddings)
    expect(await given(plain, Array.from(input.labels))).toEqual(wanted)
    expect(await given(Float64Array.from(plain), Uint8Array.from(input.labels))).toEqual(wanted)
  })

  it.each([
    ['text', 'embeddings'],
    ['nothing', undefined],
    ['big integers', new BigInt64Array(48)],
    ['rows of rows', Array.from({ length: 8 }, () => [1, 2, 3, 4, 5, 6])],
    ['typed rows', Array.from({ length: 8 }, () => new Float32Array(6))],
    ['numbers as text', Array.from({ length: 48 }, String)],
    ['an array of holes', Object.assign([], { length: 48 })],
    ['raw memory', new ArrayBuffer(192)],
    ['a tensor', { data: new Float32Array(48), dims: [8, 6] }],
    ['one value too few', new Float64Array(47)],
  ])('refuses %s for embeddings by name', async (_kind, embeddings) => {
    await expect(given(embeddings, input.labels)).rejects.toMatchObject({ code: 'loss/shape' })
  })

  it('takes half precision', async () => {
    // Of runtimes that have such an array, or of a library.
    class Float16Array extends Float64Array {
      override readonly [Symbol.toStringTag] = 'Float16Array' as never
    }
    const halves = Array.from(input.embeddings, (value) => Math.round(value * 8) / 8)
    expect(await given(Float16Array.from(halves), input.labels)).toEqual(await given(halves, input.labels))
  })

  it.each([
    ['NaN', Float64Array.from({ length: 48 }, (_, i) => (i === 20 ? NaN : i))],
    ['infinity', Array.from({ length: 48 }, (_, i) => (i === 20 ? -Infinity : i))],
  ])('names the row of %s', async (_kind, embeddings) => {
    await expect(given(embeddings, input.labels)).rejects.toMatchObject({ code: 'loss/not-finite', fields: { row: 3 } })
  })

  it.each([
    ['loss/shape', null],
    ['loss/shape', 'text'],
    ['loss/shape', { ...input, rows: '8' }],
    ['loss/shape', { ...input, rows: -8, dim: -6 }],
    ['loss/shape', { ...input, dim: 6n }],
    ['loss/step', { ...input, step: Number.NaN }],
    ['loss/step', { ...input, step: '1' }],
    ['loss/step', { ...input, totalSteps: undefined }],
  ])('answers with %s to a batch of other types', async (code, batch) => {
    await expect((await unbound.bind(binding)).compute(batch as never)).rejects.toMatchObject({ code })
  })

  it.each([0, -1, 1.5, '6', 6n, Number.NaN, undefined])('is not bound to %s dimensions', async (dim) => {
    await expect(unbound.bind({ ...binding, dim: dim as number })).rejects.toMatchObject({ code: 'loss/shape' })
  })

  it('refuses numbers beyond single precision', async () => {
    const embeddings = Float64Array.from(input.embeddings)
    embeddings[13] = 1e39
    await expect(given(embeddings, input.labels)).rejects.toMatchObject({ code: 'loss/not-finite', fields: { row: 2 } })
  })

  it.each([
    ['fractions', Float64Array.from([0, 0, 1, 1, 2, 2, 3, 0.5])],
    ['NaN', [0, 0, 1, 1, 2, 2, 3, NaN]],
    ['text', ['0', 0, 1, 1, 2, 2, 3, 3]],
    ['negative numbers', Int32Array.from([0, 0, 1, 1, 2, 2, 3, -1])],
    ['numbers beyond 32 bits', [0, 0, 1, 1, 2, 2, 3, 2 ** 32]],
    ['big integers', new BigInt64Array(8)],
    ['big integers in a list', [0n, 0n, 1n, 1n, 2n, 2n, 3n, 3n]],
    ['lists', [[0], [0], [1], [1], [2], [2], [3], [3]]],
    ['a hole', Object.assign([0, 0, 1, 1, 2, 2, 3], { length: 8 })],
    ['truth values', [true, true, true, true, false, false, false, false]],
    ['one text', '00112233'],
    ['a set', new Set([0, 1])],
    ['raw memory', new ArrayBuffer(32)],
    ['a tensor', { data: new Int32Array(8), dims: [8] }],
  ])('refuses %s for labels by name', async (_kind, labels) => {
    await expect(given(input.embeddings, labels)).rejects.toMatchObject({ code: 'loss/labels' })
  })
})

it('refuses options by name', () => {
  for (const make of [
    () => triplet({ margin: 'wide' as never }),
    () => contrastive({ negativeMargn: 1 } as never),
    () => proxyAnchor({ alpha: -1 }),
    () => proxyAnchor({ orthogonality: { lambda: Number.NaN } }),
    () => crossBatchMemory(ntXent(), { size: 0.5 }),
    () => arcface(null as never),
    () => sumOfLosses([{ loss: triplet(), weight: '1' as never }]),
    () => sumOfLosses([{ loss: triplet(), weight: Number.NaN }]),
  ])
    expect(make).toThrow(expect.objectContaining({ code: 'config/invalid' }))
  expect(() => triplet({ margin: 'wide' as never })).toThrow('triplet.margin')
  expect(() => contrastive({ negativeMargn: 1 } as never)).toThrow('Did you mean "negativeMargin"?')
})

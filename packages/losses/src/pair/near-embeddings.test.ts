import { createRandom, type UnboundLoss } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import { contrastive, crossBatchMemory, triplet } from '../index.js'

/*
 * The oracle: the same losses on all triplets or pairs, in double precision, from the differences of the rows.
 */

type Batch = { readonly rows: number; readonly dim: number; readonly data: Float64Array; readonly labels: Int32Array }

/** Adds `slope * d |a - b| / d a` (or of its square) for both rows. */
function pull(gradient: Float64Array, { dim, data }: Batch, a: number, b: number, slope: number, squared: boolean) {
  const d = distance({ dim, data }, a, b)
  if (d === 0) return
  for (let i = 0; i < dim; i++) {
    const part = slope * (data[a * dim + i]! - data[b * dim + i]!) * (squared ? 2 : 1 / d)
    gradient[a * dim + i]! += part
    gradient[b * dim + i]! -= part
  }
}

function distance({ dim, data }: Pick<Batch, 'dim' | 'data'>, a: number, b: number): number {
  let sum = 0
  for (let i = 0; i < dim; i++) sum += (data[a * dim + i]! - data[b * dim + i]!) ** 2
  return Math.sqrt(sum)
}

function eachPair({ rows, labels }: Batch, visit: (a: number, b: number, same: boolean) => void) {
  for (let a = 0; a < rows; a++) for (let b = 0; b < rows; b++) if (a !== b) visit(a, b, labels[a] === labels[b])
}

function tripletOracle(batch: Batch, margin: number, squared: boolean) {
  const gradient = new Float64Array(batch.data.length)
  const d = (a: number, b: number) => distance(batch, a, b) ** (squared ? 2 : 1)
  let value = 0
  let count = 0
  eachPair(batch, (a, p, same) => {
    if (!same) return
    eachPair(batch, (other, n, alike) => {
      if (other !== a || alike) return
      count++
      const cost = d(a, p) - d(a, n) + margin
      if (cost <= 0) return
      value += cost
      pull(gradient, batch, a, p, 1, squared)
      pull(gradient, batch, a, n, -1, squared)
    })
  })
  return { value: value / count, gradient: gradient.map((g) => g / count) }
}

function contrastiveOracle(batch: Batch, negativeMargin: number) {
  const cost = { positive: 0, negative: 0 }
  const counts = { positive: 0, negative: 0 }
  const slopes: [number, number, 'positive' | 'negative'][] = []
  eachPair(batch, (a, b, same) => {
    const kind = same ? 'positive' : 'negative'
    const one = same ? distance(batch, a, b) : negativeMargin - distance(batch, a, b)
    if (one <= 0) return
    cost[kind] += one
    counts[kind]++
    slopes.push([a, b, kind])
  })
  const gradient = new Float64Array(batch.data.length)
  for (const [a, b, kind] of slopes) pull(gradient, batch, a, b, (kind === 'positive' ? 1 : -1) / counts[kind], false)
  return { value: cost.positive / (counts.positive || 1) + cost.negative / (counts.negative || 1), gradient }
}

/** The oracle on unit rows, and its gradient through the division. */
function onUnitRows(batch: Batch, oracle: (unit: Batch) => { value: number; gradient: Float64Array }) {
  const { rows, dim, data } = batch
  const norms = Float64Array.from({ length: rows }, (_, row) =>
    Math.hypot(...data.subarray(row * dim, (row + 1) * dim)),
  )
  const unit = data.map((x, i) => x / norms[Math.floor(i / dim)]!)
  const { value, gradient } = oracle({ ...batch, data: unit })
  const radial = norms.map((_, row) => {
    let sum = 0
    for (let i = row * dim; i < (row + 1) * dim; i++) sum += unit[i]! * gradient[i]!
    return sum
  })
  return {
    value,
    gradient: gradient.map((g, i) => (g - radial[Math.floor(i / dim)]! * unit[i]!) / norms[Math.floor(i / dim)]!),
  }
}

/** Rows around `centres` points, at most about `spread` away from them. */
function clusters(seed: number, centres: number, spread: number, size = 1) {
  const [rows, dim] = [24, 20]
  const random = createRandom(seed)
  const middle = Float64Array.from({ length: centres * dim }, () => random.normal())
  const embeddings = Float32Array.from(
    { length: rows * dim },
    (_, i) => size * (middle[(Math.floor(i / dim) % centres) * dim + (i % dim)]! + spread * random.normal()),
  )
  const labels = Int32Array.from({ length: rows }, (_, row) => row % 6)
  return { embeddings, batch: { rows, dim, data: Float64Array.from(embeddings), labels } }
}

const losses: readonly (readonly [string, UnboundLoss, (batch: Batch) => { value: number; gradient: Float64Array }])[] =
  [
    ['triplet', triplet({ mining: 'all' }), (batch) => tripletOracle(batch, 0.15, false)],
    ['triplet, squared', triplet({ mining: 'all', squared: true }), (batch) => tripletOracle(batch, 0.15, true)],
    [
      'triplet, normalised',
      triplet({ mining: 'all', normalise: true }),
      (batch) => onUnitRows(batch, (unit) => tripletOracle(unit, 0.15, false)),
    ],
    ['contrastive, raw', contrastive({ normalise: false, negativeMargin: 3 }), (batch) => contrastiveOracle(batch, 3)],
    ['contrastive', contrastive(), (batch) => onUnitRows(batch, (unit) => contrastiveOracle(unit, 1))],
  ]

describe.each(losses)('%s keeps its digits', (_, unbound, oracle) => {
  it.each([
    ['around one point', 1, 1],
    ['around one point', 1, 1e-2],
    ['around one point', 1, 1e-4],
    ['around one point', 1, 1e-6],
    ['around three points', 3, 1e-3],
    ['around three points', 3, 1e-6],
  ])('%s (%d), %d apart', async (_kind, centres, spread) => {
    const { embeddings, batch } = clusters(7, centres, spread)
    const loss = await unbound.bind({ dim: batch.dim, classes: 6, seed: 1 })
    const { value, gradients } = await loss.compute({ ...batch, embeddings, step: 0, totalSteps: 1 })
    const expected = oracle(batch)
    const largest = expected.gradient.reduce((most, g) => Math.max(most, Math.abs(g)), 0)
    const worst = expected.gradient.reduce((most, g, i) => Math.max(most, Math.abs(g - gradients.embeddings[i]!)), 0)
    expect(Math.abs(value - expected.value) / expected.value).toBeLessThan(2e-6)
    expect(largest).toBeGreaterThan(0)
    expect(worst / largest).toBeLessThan(5e-6)
  })
})

it.each([1e-25, 1e25])('measures embeddings of size %d', async (size) => {
  const { embeddings, batch } = clusters(3, 1, 1, size)
  const loss = await triplet({ mining: 'all', margin: 1e30 }).bind({ dim: batch.dim, classes: 6, seed: 1 })
  const { gradients } = await loss.compute({ ...batch, embeddings, step: 0, totalSteps: 1 })
  const { gradient } = tripletOracle(batch, 1e30, false)
  gradient.forEach((g, i) => expect(Math.abs(g - gradients.embeddings[i]!)).toBeLessThan(1e-5))
})

it('keeps its digits beside a memory of near embeddings', async () => {
  const { embeddings, batch } = clusters(5, 1, 1e-6)
  const loss = await crossBatchMemory(contrastive({ normalise: false, negativeMargin: 3 }), {
    size: 24,
    startStep: 0,
  }).bind({ dim: batch.dim, classes: 6, seed: 1 })
  const half = (from: number) => ({
    rows: 12,
    dim: batch.dim,
    embeddings: embeddings.subarray(from * batch.dim, (from + 12) * batch.dim),
    labels: batch.labels.subarray(from, from + 12),
    totalSteps: 2,
  })
  await loss.compute({ ...half(12), step: 0 })
  const { gradients } = await loss.compute({ ...half(0), step: 1 })
  // Anchors are the first half alone; only they move.
  const expected = new Float64Array(12 * batch.dim)
  const counts = { positive: 0, negative: 0 }
  eachPair(batch, (a, b, same) => a < 12 && counts[same ? 'positive' : 'negative']++)
  eachPair(batch, (a, b, same) => {
    if (a >= 12) return
    const both = new Float64Array(batch.data.length)
    pull(both, batch, a, b, same ? 1 / counts.positive : -1 / counts.negative, false)
    for (let i = 0; i < expected.length; i++) expected[i]! += both[i]!
  })
  const largest = expected.reduce((most, g) => Math.max(most, Math.abs(g)), 0)
  expected.forEach((g, i) => expect(Math.abs(g - gradients.embeddings[i]!) / largest).toBeLessThan(5e-6))
})

import { createRandom, type UnboundLoss } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import {
  arcface,
  circle,
  contrastive,
  cosface,
  multiSimilarity,
  ntXent,
  proxyAnchor,
  proxyNcaPp,
  softTriple,
  supCon,
  triplet,
} from './index.js'
import { randomBatch } from './testing/batches.js'
import { checkGradients } from './testing/finite-differences.js'

/** Gentle scales where the paper's are steep: finite differences in float32 cannot follow those. */
const losses: readonly (readonly [string, UnboundLoss])[] = [
  ['proxy-anchor', proxyAnchor({ alpha: 4 })],
  ['proxy-anchor, normalised orthogonality', proxyAnchor({ alpha: 4, orthogonality: { lambda: 2 } })],
  ['proxy-anchor, raw orthogonality', proxyAnchor({ alpha: 4, orthogonality: { lambda: 0.1, normalise: false } })],
  ['arcface', arcface({ s: 4 })],
  ['arcface past 180 degrees', arcface({ s: 4, m: 120 })],
  ['arcface with orthogonality', arcface({ s: 4, orthogonality: { lambda: 2 } })],
  ['cosface', cosface({ s: 4 })],
  ['proxy-nca-pp', proxyNcaPp({ T: 0.5 })],
  ['soft-triple', softTriple({ lambda: 4, K: 3, gamma: 0.5, tau: 2 })],
  ['triplet hard', triplet({ mining: 'hard', margin: 2 })],
  ['triplet all, squared', triplet({ mining: 'all', margin: 30, squared: true })],
  ['triplet all, normalised', triplet({ mining: 'all', margin: 3, normalise: true })],
  ['triplet semi-hard, soft', triplet({ mining: 'semi-hard', margin: null })],
  ['triplet n-hard', triplet({ mining: 'n-hard', n: 2, margin: 5 })],
  ['contrastive', contrastive({ negativeMargin: 3 })],
  ['contrastive, raw', contrastive({ negativeMargin: 10, normalise: false })],
  ['multi-similarity', multiSimilarity({ beta: 4, epsilon: null })],
  ['multi-similarity, mined', multiSimilarity({ beta: 4, epsilon: 0.1 })],
  ['nt-xent', ntXent({ tau: 0.5 })],
  ['sup-con', supCon({ tau: 0.5 })],
]

describe('gradients agree with finite differences', () => {
  it.each(losses)('%s', async (_name, unbound) => {
    for (const [rows, dim, classes] of [
      [8, 6, 4],
      [9, 5, 11],
    ] as const) {
      const input = randomBatch(rows, rows, dim, Math.min(classes, 4))
      const loss = await unbound.bind({ dim, classes, seed: 3 })
      // Proxies of about unit length: a step then changes the angle as it does for the embeddings.
      const random = createRandom(dim)
      for (const { data } of loss.parameters) for (let i = 0; i < data.length; i++) data[i] = random.normal()
      const { largest, worst } = await checkGradients(loss, input, 4e-3)
      expect(largest).toBeGreaterThan(0)
      expect(worst / largest).toBeLessThan(5e-3)
    }
  })

  it('circle, whose weights the gradient takes as constants', async () => {
    const input = randomBatch(5, 8, 6, 4)
    const symbols = { m: 0.4, gamma: 4 }
    const loss = await circle(symbols).bind({ dim: 6, classes: 4, seed: 1 })
    const { gradients } = await loss.compute(input)
    const weights = circleReference(input.embeddings, input.embeddings, input.labels, 6, symbols)
    expect((await loss.compute(input)).value).toBeCloseTo(weights, 4)
    const moved = input.embeddings.slice()
    let largest = 0
    let worst = 0
    for (let i = 0; i < moved.length; i += 3) {
      const held = moved[i]!
      const at = (offset: number) => {
        moved[i] = held + offset
        return circleReference(moved, input.embeddings, input.labels, 6, symbols)
      }
      const slope = (at(1e-3) - at(-1e-3)) / 2e-3
      moved[i] = held
      largest = Math.max(largest, Math.abs(slope))
      worst = Math.max(worst, Math.abs(slope - gradients.embeddings[i]!))
    }
    expect(worst / largest).toBeLessThan(2e-3)
  })
})

/** The formula in plain numbers; the weights come from `fixed`. */
function circleReference(
  embeddings: Float32Array,
  fixed: Float32Array,
  labels: Int32Array,
  dim: number,
  { m, gamma }: { m: number; gamma: number },
): number {
  const cosine = (data: Float32Array, i: number, j: number) => {
    const dot = (a: number, b: number) =>
      Array.from({ length: dim }, (_, d) => data[a * dim + d]! * data[b * dim + d]!).reduce((x, y) => x + y)
    return dot(i, j) / Math.sqrt(dot(i, i) * dot(j, j))
  }
  let sum = 0
  for (let i = 0; i < labels.length; i++) {
    let positive = 0
    let negative = 0
    for (let j = 0; j < labels.length; j++) {
      if (i === j) continue
      const s = cosine(embeddings, i, j)
      const f = cosine(fixed, i, j)
      if (labels[i] === labels[j]) positive += Math.exp(-gamma * Math.max(0, 1 + m - f) * (s - 1 + m))
      else negative += Math.exp(gamma * Math.max(0, f + m) * (s - m))
    }
    sum += Math.log(1 + positive * negative)
  }
  return sum / labels.length
}

it.each([
  ['proxy-anchor', proxyAnchor({ alpha: 4 })],
  ['triplet, normalised', triplet({ mining: 'all', margin: 3, normalise: true })],
  ['nt-xent', ntXent({ tau: 0.5 })],
])(
  '%s: no part of the gradient lies along the embedding, so a detached norm in front changes nothing',
  async (_name, unbound) => {
    const input = randomBatch(8, 8, 6, 4)
    const loss = await unbound.bind({ dim: 6, classes: 4, seed: 3 })
    const { embeddings } = (await loss.compute(input)).gradients
    const along = (row: number, other: Float32Array) =>
      other.subarray(row * 6, row * 6 + 6).reduce((sum, value, d) => sum + value * embeddings[row * 6 + d]!, 0)
    for (let row = 0; row < 8; row++) {
      const length = Math.sqrt(along(row, embeddings))
      expect(length).toBeGreaterThan(0)
      expect(Math.abs(along(row, input.embeddings)) / length).toBeLessThan(1e-5)
    }
  },
)

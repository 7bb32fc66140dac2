import { createRandom } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import { binaryCrossEntropy } from './binary-cross-entropy.js'
import { minePairs } from './mine-pairs.js'

describe('minePairs', () => {
  it('takes the farthest of the class and the nearest of the others, each pair once', () => {
    const angles = [0, 10, 50, 60, 200]
    const embeddings = Float32Array.from(
      angles.flatMap((angle) => [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)]),
    )
    const { query, candidate, different } = minePairs(embeddings, 2, Int32Array.of(0, 0, 0, 1, 1))
    const pairs = Array.from(query, (i, n) => [i, candidate[n], different[n]])
    // 0 and 2 choose each other, and so do 2 and 3, 3 and 4.
    expect(pairs).toEqual([
      [0, 2, 0],
      [0, 3, 1],
      [1, 2, 0],
      [1, 3, 1],
      [2, 3, 1],
      [3, 4, 0],
      [4, 2, 1],
    ])
  })

  it('equals a search over all pairs', () => {
    const random = createRandom(7)
    const [rows, dim] = [24, 6]
    const embeddings = Float32Array.from({ length: rows * dim }, () => random.normal())
    const labels = Int32Array.from({ length: rows }, (_, i) => i % 5)
    const similarity = (i: number, j: number) =>
      Array.from({ length: dim }, (_, d) => embeddings[i * dim + d]! * embeddings[j * dim + d]!).reduce((a, b) => a + b)
    const expected = new Set<string>()
    for (let i = 0; i < rows; i++) {
      const others = Array.from({ length: rows }, (_, j) => j)
        .filter((j) => j !== i)
        .sort((a, b) => similarity(i, b) - similarity(i, a))
      for (const j of [others.findLast((o) => labels[o] === labels[i])!, others.find((o) => labels[o] !== labels[i])!])
        expected.add([Math.min(i, j), Math.max(i, j)].join())
    }
    const { query, candidate, different } = minePairs(embeddings, dim, labels)
    expect(
      new Set(Array.from(query, (i, n) => [Math.min(i, candidate[n]!), Math.max(i, candidate[n]!)].join())),
    ).toEqual(expected)
    expect(query).toHaveLength(expected.size)
    different.forEach((value, n) => expect(value).toBe(labels[query[n]!] === labels[candidate[n]!] ? 0 : 1))
  })

  it('makes no same-class pair of a single item', () => {
    const { different } = minePairs(Float32Array.of(1, 0, 0, 1), 2, Int32Array.of(0, 1))
    expect([...different]).toEqual([1])
  })
})

describe('binaryCrossEntropy', () => {
  it('agrees with its definition and finite differences, also for large logits', () => {
    const logits = Float32Array.of(-2, 0.5, 3, -0.25)
    const different = Uint8Array.of(0, 1, 0, 1)
    const direct = (z: Float32Array) =>
      z.reduce(
        (sum, value, i) => sum - Math.log(different[i] ? 1 / (1 + Math.exp(-value)) : 1 - 1 / (1 + Math.exp(-value))),
        0,
      ) / z.length
    const { value, gradient, accuracy } = binaryCrossEntropy(logits, different)
    expect(value).toBeCloseTo(direct(logits), 6)
    expect(accuracy).toBe(0.5)
    logits.forEach((z, i) => {
      const at = (h: number) => direct(logits.with(i, z + h))
      expect(gradient[i]).toBeCloseTo((at(1e-2) - at(-1e-2)) / 2e-2, 4)
    })
    expect(binaryCrossEntropy(Float32Array.of(500, -500), Uint8Array.of(0, 1)).value).toBe(500)
  })
})

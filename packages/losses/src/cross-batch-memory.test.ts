import { describe, expect, it } from 'vitest'
import { contrastive, crossBatchMemory, multiSimilarity, ntXent, proxyAnchor, supCon, triplet } from './index.js'
import { randomBatch } from './testing/batches.js'

const binding = { dim: 5, classes: 4, seed: 1 }

describe('crossBatchMemory', () => {
  it.each([
    ['triplet', triplet({ mining: 'all' })],
    ['contrastive', contrastive()],
    ['multi-similarity', multiSimilarity({ epsilon: null })],
    ['nt-xent', ntXent()],
    ['sup-con', supCon()],
  ])('%s against the memory equals the loss of both batches, seen from the anchors', async (_name, inner) => {
    const first = randomBatch(1, 8, 5, 4)
    const second = randomBatch(2, 8, 5, 4)
    const loss = await crossBatchMemory(inner, { size: 100, startStep: 0 }).bind(binding)
    const alone = await (await inner.bind(binding)).compute(first)
    const start = await loss.compute(first)
    expect(start.value).toBe(alone.value)
    expect(start.gradients.embeddings).toEqual(alone.gradients.embeddings)
    const { value, gradients, logs } = await loss.compute({ ...second, step: 1 })
    expect(logs['cross-batch-memory/size']).toBe(8)
    // The gradient is that of the value with the memory held still.
    let worst = 0
    let largest = 0
    for (let i = 0; i < 40; i += 3) {
      const at = async (offset: number) => {
        const moved = second.embeddings.slice()
        moved[i]! += offset
        const fresh = await crossBatchMemory(inner, { size: 100, startStep: 0 }).bind(binding)
        await fresh.compute(first)
        return (await fresh.compute({ ...second, embeddings: moved, step: 1 })).value
      }
      const slope = ((await at(2e-3)) - (await at(-2e-3))) / 4e-3
      largest = Math.max(largest, Math.abs(gradients.embeddings[i]!))
      worst = Math.max(worst, Math.abs(slope - gradients.embeddings[i]!))
    }
    expect(value).not.toBe((await (await inner.bind(binding)).compute(second)).value)
    expect(worst / largest).toBeLessThan(1e-2)
  })

  it('keeps the newest, starts late, and resumes exactly', async () => {
    const make = () => crossBatchMemory(ntXent(), { size: 12, startStep: 2 }).bind(binding)
    const loss = await make()
    const sizes: number[] = []
    for (let step = 0; step < 6; step++) {
      sizes.push((await loss.compute({ ...randomBatch(step, 8, 5, 4), step })).logs['cross-batch-memory/size']!)
    }
    expect(sizes).toEqual([0, 0, 0, 8, 12, 12])
    const resumed = await make()
    resumed.restore!(loss.state!())
    const next = { ...randomBatch(6, 8, 5, 4), step: 6 }
    expect(await resumed.compute(next)).toEqual(await loss.compute(next))
    const other = await crossBatchMemory(ntXent(), { size: 13 }).bind(binding)
    expect(() => other.restore!(loss.state!())).toThrow(/12 embeddings/)
  })

  it.each([
    [12, 5, 7],
    [12, 5, 2],
    [12, 4, 3],
    [7, 9, 3],
    [1, 2, 3],
  ])('a ring of %d holds the newest of batches of %d after %d steps', async (size, rows, steps) => {
    const loss = await crossBatchMemory(ntXent(), { size, startStep: 0 }).bind(binding)
    // Every row ever seen has a class and numbers of its own, so that no place can be taken for another.
    const nth = (row: number) => Float32Array.from({ length: 5 }, (_, d) => row + 1 + d / 10)
    for (let step = 0; step < steps; step++) {
      const numbers = Array.from({ length: rows }, (_, row) => step * rows + row)
      const embeddings = Float32Array.from(numbers.flatMap((row) => [...nth(row)]))
      await loss.compute({ embeddings, rows, dim: 5, labels: Int32Array.from(numbers), step, totalSteps: steps })
    }
    const state = loss.state!() as { labels: Int32Array; embeddings: Float32Array; cursor: Int32Array }
    const seen = rows * steps
    const filled = Math.min(size, seen)
    expect([...state.cursor]).toEqual([filled, seen % size])
    for (let row = seen - filled; row < seen; row++) {
      expect(state.labels[row % size]).toBe(row)
      expect(state.embeddings.subarray((row % size) * 5, ((row % size) + 1) * 5)).toEqual(nth(row))
    }
    const { logs } = await loss.compute({ ...randomBatch(1, 2, 5, 2), step: steps })
    expect(logs['cross-batch-memory/size']).toBe(filled)
  })

  it('refuses losses that do not compare pairs', async () => {
    await expect(crossBatchMemory(proxyAnchor()).bind(binding)).rejects.toMatchObject({ code: 'loss/no-pairs' })
  })
})

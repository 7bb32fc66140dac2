import type { Scalar } from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { crossBatchMemory, fromTensorflow, ntXent, proxyAnchor, sumOfLosses, triplet } from './index.js'
import { randomBatch } from './testing/batches.js'

const binding = { dim: 5, classes: 4, seed: 1 }

describe('sumOfLosses', () => {
  it('adds values and gradients with weights that follow the step', async () => {
    const sum = await sumOfLosses([
      { loss: proxyAnchor(), weight: 2 },
      { loss: triplet(), weight: { schedule: 'linear', from: 0, to: 1 } },
      { loss: triplet({ margin: null }) },
    ]).bind(binding)
    expect(sum.parameters.map(({ name }) => name)).toEqual(['proxy-anchor.proxies'])
    const input = { ...randomBatch(1, 8, 5, 4), step: 5, totalSteps: 11 }
    const [anchor, hard, soft] = await Promise.all(
      [proxyAnchor(), triplet(), triplet({ margin: null })].map(async (loss) =>
        (await loss.bind(binding)).compute(input),
      ),
    )
    const output = await sum.compute(input)
    expect(output.value).toBeCloseTo(2 * anchor!.value + 0.5 * hard!.value + soft!.value, 4)
    output.gradients.embeddings.forEach((g, i) => {
      const expected =
        2 * anchor!.gradients.embeddings[i]! + 0.5 * hard!.gradients.embeddings[i]! + soft!.gradients.embeddings[i]!
      expect(g).toBeCloseTo(expected, 4)
    })
    output.gradients.parameters['proxy-anchor.proxies']!.forEach((g, i) =>
      expect(g).toBeCloseTo(2 * anchor!.gradients.parameters['proxies']![i]!, 4),
    )
    expect(output.logs).toMatchObject({ 'triplet/weight': 0.5, 'triplet-2/weight': 1 })
  })

  it('saves and restores the state of its terms', async () => {
    const make = () =>
      sumOfLosses([{ loss: crossBatchMemory(ntXent(), { size: 8, startStep: 0 }) }, { loss: proxyAnchor() }]).bind(
        binding,
      )
    const loss = await make()
    await loss.compute(randomBatch(1, 8, 5, 4))
    const resumed = await make()
    resumed.restore!(loss.state!())
    const next = { ...randomBatch(2, 8, 5, 4), step: 1 }
    expect(await resumed.compute(next)).toEqual(await loss.compute(next))
  })

  it('refuses to mix labels and triples', async () => {
    const triples = fromTensorflow((tf, { embeddings }) => tf.mean(embeddings) as Scalar, {
      name: 'mine',
      input: 'triples',
    })
    await expect(sumOfLosses([{ loss: triplet() }, { loss: triples }]).bind(binding)).rejects.toMatchObject({
      code: 'loss/mixed-inputs',
    })
  })
})

import { createRandom, type LossTriple } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import { type ContextLossGradients, contextLoss, marginOf, withSwapped } from './context-loss.js'

const zeros = (rows: number, dim: number): ContextLossGradients => ({
  embeddings: new Float32Array(rows * dim),
  weight: new Float32Array(6 * dim),
  bias: new Float32Array(2),
})

describe('contextLoss', () => {
  it('has the value worked out by hand', () => {
    // |R-A|^2 = 0.25, |R-B|^2 = 1; B is said to be closer: hinge = m - (0.25 - 1) with m = |2-4|/5 + 0.2 = 0.6.
    const embeddings = Float32Array.of(0, 0, 0.5, 0, 0, 1)
    const weight = new Float32Array(12)
    weight[2 * 2 + 1] = 0.5
    const triple = { reference: 0, a: 1, b: 2, target: 1, classA: 4, classB: 2 }
    const { value, crossEntropy, margin } = contextLoss(embeddings, 2, [triple], {
      weight,
      bias: Float32Array.of(0.25, 0),
    })
    expect(margin).toBeCloseTo(1.35, 6)
    // logits: A = 0.25 + 0.5 * 1, B = 0.
    expect(crossEntropy).toBeCloseTo(Math.log(1 + Math.exp(0.75)), 6)
    expect(value).toBeCloseTo(Math.log(1 + Math.exp(0.75)) + 0.135, 6)
  })

  it("takes each pair's own classes", () => {
    expect(marginOf({ classA: 1, classB: 5 })).toBeCloseTo(1, 12)
    expect(marginOf({ classA: 3, classB: 3 })).toBeCloseTo(0.2, 12)
    expect(marginOf({})).toBeCloseTo(0.2, 12)
    const embeddings = Float32Array.of(0, 1, 1)
    const classifier = { weight: new Float32Array(6), bias: new Float32Array(2) }
    const near: LossTriple = { reference: 0, a: 1, b: 2, target: 0, classA: 1, classB: 2 }
    const far: LossTriple = { reference: 0, a: 1, b: 2, target: 0, classA: 1, classB: 5 }
    expect(contextLoss(embeddings, 1, [near, far], classifier).margin).toBeCloseTo((0.4 + 1) / 2, 6)
  })

  it('has the gradient of finite differences', () => {
    const random = createRandom('context-loss')
    const [rows, dim] = [5, 3]
    const draw = (length: number) => Float32Array.from({ length }, () => random.normal() * 0.5)
    const [embeddings, weight, bias] = [draw(rows * dim), draw(6 * dim), draw(2)]
    const triples = withSwapped([
      { reference: 0, a: 1, b: 2, target: 1, classA: 4, classB: 2 },
      { reference: 3, a: 4, b: 0, target: 0 },
      { reference: 1, a: 3, b: 2, target: 0.7, classA: 1, classB: 5 },
    ])
    const into = zeros(rows, dim)
    contextLoss(embeddings, dim, triples, { weight, bias }, into)
    for (const [array, gradient] of [
      [embeddings, into.embeddings],
      [weight, into.weight],
      [bias, into.bias],
    ] as const) {
      for (let i = 0; i < array.length; i++) {
        const held = array[i]!
        const at = (value: number) => {
          array[i] = value
          return contextLoss(embeddings, dim, triples, { weight, bias }).value
        }
        const numeric = (at(held + 2 ** -8) - at(held - 2 ** -8)) / 2 ** -7
        array[i] = held
        expect(Math.abs(numeric - gradient[i]!)).toBeLessThan(2e-4)
      }
    }
  })

  it('does not change when a triple is turned round, classes included', () => {
    expect(withSwapped([{ reference: 0, a: 1, b: 2, target: 0.8, classA: 4, classB: 2 }])[1]).toEqual({
      reference: 0,
      a: 2,
      b: 1,
      target: expect.closeTo(0.2, 12),
      classA: 2,
      classB: 4,
    })
  })
})

import { createRandom } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import { fitPca, projectPca } from '../linear/fit-pca.js'
import { fitCredibilityMap, type MapOptions, weigh, weightsAt } from './fit-credibility-map.js'
import { fitGate, predictGate } from './fit-gate.js'
import { fitMlp, MLP_OPTIONS, predictMlp } from './fit-mlp.js'

describe('fitPca', () => {
  it('is a decomposition known by hand', () => {
    // Points on x = y, spread sqrt(2) apart, and a second direction of half that.
    const pca = fitPca(Float32Array.of(3, 3, -1, -1, 0.5, 1.5, 1.5, 0.5), 2, 2)
    expect([...pca.mean]).toEqual([1, 1])
    expect(pca.variances[0]).toBeCloseTo(16 / 3, 5)
    expect(pca.variances[1]).toBeCloseTo(1 / 3, 5)
    expect(pca.components[0]).toBeCloseTo(Math.SQRT1_2, 5)
    expect(pca.components[1]).toBeCloseTo(Math.SQRT1_2, 5)
    expect(projectPca(pca, Float32Array.of(3, 3))[0]).toBeCloseTo(2 * Math.SQRT2, 5)
  })

  it('is the same through the covariance and through the Gram matrix, and keeps all distances', () => {
    const random = createRandom('pca')
    const data = Float32Array.from({ length: 6 * 4 }, () => random.normal())
    const tall = fitPca(data, 4, 4)
    const wide = fitPca(
      Float32Array.from({ length: 6 * 9 }, (_, at) => (at % 9 < 4 ? data[Math.floor(at / 9) * 4 + (at % 9)]! : 0)),
      9,
      9,
    )
    expect(wide.dim).toBe(4)
    for (let i = 0; i < 4; i++) expect(wide.variances[i]).toBeCloseTo(tall.variances[i]!, 4)
    const projected = projectPca(tall, data)
    const distance = (values: Float32Array) => Math.hypot(...[0, 1, 2, 3].map((i) => values[i]! - values[4 + i]!))
    expect(distance(projected)).toBeCloseTo(distance(data), 4)
  })

  it('refuses a single reference', () => {
    expect(() => fitPca(Float32Array.of(1, 2), 2, 2)).toThrow(
      expect.objectContaining({ code: 'ensemble/few-references' }),
    )
  })
})

describe('fitCredibilityMap', () => {
  const options: MapOptions = { grid: 20, window: 4, mode: 'threshold', threshold: 0.75 }
  // Corners of the range: each point is alone in its window.
  const points = Float32Array.of(0, 0, 20, 20, 0, 20)
  const accuracies = Float32Array.of(0.9, 0.8, 0.5, 0.6, 0.75, 0.5)

  it('trusts members above the threshold by their accuracy, else the best alone', () => {
    const map = fitCredibilityMap(points, accuracies, 2, options)
    expect([...weightsAt(map, 0, 0)]).toEqual([expect.closeTo(0.9 / 1.7, 6), expect.closeTo(0.8 / 1.7, 6)])
    expect([...weightsAt(map, 20, 20)]).toEqual([0, 1])
    // Exactly the threshold is not above it.
    expect([...weightsAt(map, 0, 20)]).toEqual([1, 0])
  })

  it('is uniform where the window is empty and takes the edge outside', () => {
    const map = fitCredibilityMap(points, accuracies, 2, options)
    expect([...weightsAt(map, 10, 10)]).toEqual([0.5, 0.5])
    expect([...weightsAt(map, 99, 99)]).toEqual([0, 1])
    expect([...weightsAt(map, -99, -99)]).toEqual([...weightsAt(map, 0, 0)])
  })

  it('has a window of [i - 2, i + 2) cells', () => {
    // The first point lies in cell 10; cells 9 to 12 look at it, cell 8 does not.
    const map = fitCredibilityMap(Float32Array.of(10.5, 10.5, 0, 0, 20, 20), Float32Array.of(0, 1, 1, 0, 1, 0), 2, {
      ...options,
      mode: 'max',
    })
    expect([8, 9, 10, 11, 12, 13].map((cell) => weightsAt(map, cell + 0.5, 10.5)[1])).toEqual([0.5, 1, 1, 1, 1, 0.5])
  })

  it('averages the references of a window, in every mode', () => {
    const two = (mode: MapOptions['mode']) => [
      ...weightsAt(
        fitCredibilityMap(Float32Array.of(0, 0, 1, 1, 20, 20), Float32Array.of(1, 0.6, 0.6, 0.8, 0, 0), 2, {
          ...options,
          mode,
        }),
        0,
        0,
      ),
    ]
    expect(two('average')).toEqual([expect.closeTo(0.8 / 1.5, 6), expect.closeTo(0.7 / 1.5, 6)])
    expect(two('threshold')).toEqual([1, 0])
    expect(two('max')).toEqual([1, 0])
  })

  it('never divides by zero', () => {
    expect([...weigh(Float64Array.of(0, 0), { mode: 'average', threshold: 0.75 })]).toEqual([1, 0])
    const flat = fitCredibilityMap(Float32Array.of(1, 1, 1, 1), Float32Array.of(1, 0, 1, 0), 2, options)
    expect([...weightsAt(flat, 1, 1)]).toEqual([1, 0])
  })
})

describe('fitMlp', () => {
  it('fits a known function, the same way each time', () => {
    const random = createRandom('mlp')
    const rows = 300
    const inputs = Float32Array.from({ length: rows * 2 }, () => random.normal())
    const wanted = Float32Array.from({ length: rows * 2 }, (_, at) => {
      const x = inputs[at - (at % 2)]!
      return at % 2 === 0 ? 1 / (1 + Math.exp(-3 * x)) : 0.25
    })
    const fit = () => fitMlp(inputs, 2, wanted, 2, { ...MLP_OPTIONS, learningRate: 1e-2, epochs: 300, seed: 0 })
    const mlp = fit()
    const predicted = predictMlp(mlp, inputs)
    const error = Math.sqrt(
      predicted.reduce((sum, value, at) => sum + (value - wanted[at]!) ** 2, 0) / predicted.length,
    )
    expect(error).toBeLessThan(0.03)
    expect(fit()).toEqual(mlp)
  })
})

describe('fitGate', () => {
  const random = createRandom('gate')
  const references = 120
  const inputs = Float32Array.from({ length: references * 2 }, () => random.normal())
  /** Member 0 is right where the first feature is above 0, member 1 where it is below; two triples a reference. */
  const rows = Int32Array.from({ length: 2 * references }, (_, t) => t >> 1)
  const targets = Float32Array.from(rows, () => random.integer(2))
  const knows = (row: number, k: number) => (inputs[row * 2]! > 0 ? 0 : 1) === k
  const gaps = Float32Array.from({ length: rows.length * 2 }, (_, at) => {
    const t = at >> 1
    const right = targets[t] === 1 ? -0.1 : 0.1
    return (knows(rows[t]!, at % 2) ? right : -right) * (0.5 + random.next())
  })

  it('learns from the triples whom to trust, the same way each time', () => {
    const fit = () => fitGate(inputs, 2, { rows, gaps, targets }, 2, 0)
    const gate = fit()
    const weights = predictGate(gate, inputs)
    let right = 0
    for (let row = 0; row < references; row++) {
      expect(weights[row * 2]! + weights[row * 2 + 1]!).toBeCloseTo(1, 6)
      if (weights[row * 2 + (knows(row, 0) ? 0 : 1)]! > 0.5) right++
    }
    expect(right / references).toBeGreaterThan(0.9)
    expect(fit()).toEqual(gate)
  })

  it('stays near equal weights where the reference tells nothing', () => {
    const noise = gaps.map(() => 0.1 * random.normal())
    const weights = predictGate(fitGate(inputs, 2, { rows, gaps: noise, targets }, 2, 0), inputs)
    const spread = Math.sqrt(weights.reduce((sum, value) => sum + (value - 0.5) ** 2, 0) / weights.length)
    expect(spread).toBeLessThan(0.2)
  })
})

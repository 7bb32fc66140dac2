import { describe, expect, it } from 'vitest'
import { fnmrAtFmr } from './fnmr-at-fmr.js'
import { galleryRejection } from './gallery-rejection.js'
import { metricNames, parseMetric } from './parse-metric.js'
import { riskCoverage } from './risk-coverage.js'
import { tripletAccuracy } from './triplet-accuracy.js'

describe('parseMetric', () => {
  // Right answers at ranks 1, 3 and 6; one of four was not found.
  const hits = Int32Array.of(1, 3, 6)
  it.each([
    ['recall@1', 1],
    ['precision@4', 0.5],
    ['oml.precision@8', 3 / 4],
    ['map@3', (1 + 2 / 3) / 3],
    ['oml.map@3', (1 + 2 / 3) / 2],
    ['map@r', (1 + 2 / 3) / 4],
    ['r-precision', 0.5],
    ['mrr', 1],
    ['pml.map', (1 + 2 / 3 + 0.5) / 4],
  ])('%s of a worked example is %d', (name, value) => {
    expect(parseMetric(name).of(hits, 4)).toBeCloseTo(value, 12)
  })

  it.each([
    ['recall', 'recall@1'],
    ['recal@5', undefined],
    ['map@R', 'map@r'],
    ['r_precision', 'r-precision'],
    ['recall@0', undefined],
  ])('refuses %s', (name, nearest) => {
    const error = (() => {
      try {
        parseMetric(name)
      } catch (thrown) {
        return thrown
      }
    })() as { code: string; fields: { nearest?: string } }
    expect(error.code).toBe('metrics/unknown')
    if (nearest) expect(error.fields.nearest).toBe(nearest)
  })

  it('expands families over cut-offs', () => {
    expect(metricNames(['recall', 'map@r', 'oml.map'], [1, 8])).toEqual([
      'recall@1',
      'recall@8',
      'map@r',
      'oml.map@1',
      'oml.map@8',
    ])
  })
})

describe('tripletAccuracy', () => {
  it('counts a tie as half', () => {
    expect(tripletAccuracy([1, 2, 3], [2, 2, 1])).toBe(0.5)
    expect(() => tripletAccuracy([], [])).toThrow(expect.objectContaining({ code: 'metrics/shape' }))
  })
})

describe('fnmrAtFmr', () => {
  it('is 0 for separated pairs and refuses bad rates', () => {
    expect(fnmrAtFmr([0.1, 0.2], [0.8, 0.9], [0, 0.5, 1])).toEqual([0, 0, 0])
    expect(() => fnmrAtFmr([1], [1], [2])).toThrow(expect.objectContaining({ code: 'metrics/range' }))
    expect(() => fnmrAtFmr([], [1], [0.5])).toThrow(expect.objectContaining({ code: 'metrics/shape' }))
  })
})

describe('riskCoverage', () => {
  it('agrees with a worked example', () => {
    const { coverage, risk, aurc, oracleAurc, randomAurc } = riskCoverage([0.1, 0.2, 0.3, 0.4], [0, 1, 0, 1])
    expect([...coverage]).toEqual([0.25, 0.5, 0.75, 1])
    expect([...risk]).toEqual([0, 0.5, 1 / 3, 0.5])
    expect(aurc).toBeCloseTo((0.5 + 1 / 3 + 0.5) / 4, 12)
    expect(oracleAurc).toBeCloseTo((1 / 3 + 0.5) / 4, 12)
    expect(randomAurc).toBe(0.5)
  })

  it('does not depend on the order of equals, and says nothing when all are equal', () => {
    expect(riskCoverage([1, 1, 1, 1], [1, 0, 0, 0]).risk).toEqual(Float64Array.of(0.25, 0.25, 0.25, 0.25))
  })

  it('refuses what is not finite', () => {
    expect(() => riskCoverage([NaN], [0])).toThrow(expect.objectContaining({ code: 'metrics/not-finite' }))
  })
})

describe('galleryRejection', () => {
  const ranking = (...positions: number[]) => ({
    positions: Int32Array.from(positions),
    distances: new Float32Array(positions.length),
  })
  const truth = { queryLabels: ['a', 'b'], galleryLabels: ['a', 'b', 'x', 'y'] }
  // Image 2 disturbs both queries.
  const rankings = [ranking(2, 0, 1, 3), ranking(2, 1, 0, 3)]

  it('removes the errors that uncertain images cause', () => {
    const result = galleryRejection(rankings, truth, [0.1, 0.2, 0.9, 0.3], { coverages: [1, 0.75, 0.25], seed: 0 })
    expect(result.risk).toEqual([1, 0, 0.5])
    expect(result.answerable).toEqual([1, 1, 0.5])
    // At a quarter only image 0 is left: the second query has no answer, the first is right.
    expect(result.answerableRisk).toEqual([1, 0, 0])
    expect(result.randomAnswerableRisk[0]).toBe(1)
    expect(result.oracleRisk[1]).toBe(0)
    expect(result.randomRisk[0]).toBe(1)
    expect(result.aurc).toBe(0.5)
  })

  it('refuses lists that end before a kept image, and coverages that mean nothing', () => {
    expect(() =>
      galleryRejection([ranking(2), ranking(2)], truth, [0, 0, 9, 0], { coverages: [0.5], seed: 0 }),
    ).toThrow(expect.objectContaining({ code: 'metrics/depth' }))
    expect(() => galleryRejection(rankings, truth, [0, 0, 9, 0], { coverages: [0], seed: 0 })).toThrow(
      expect.objectContaining({ code: 'metrics/range' }),
    )
  })
})

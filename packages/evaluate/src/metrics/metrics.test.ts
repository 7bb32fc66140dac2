import { describe, expect, it } from 'vitest'
import { fnmrAtFmr } from './fnmr-at-fmr.js'
import { galleryRejection } from './gallery-rejection.js'
import { metricNames, parseMetric } from './parse-metric.js'
import { riskCoverage } from './risk-coverage.js'
import { tarAtFar } from './tar-at-far.js'
import { tripletAccuracy } from './triplet-accuracy.js'
import { verificationAtCoverage } from './verification-at-coverage.js'

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
    [null, undefined],
    [5, undefined],
  ])('refuses %s', (name, nearest) => {
    const error = (() => {
      try {
        parseMetric(name as string)
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
  it('does not match a pair at the threshold itself', () => {
    // The 0.5-quantile of 1, 2, 3 is 2; the pair at 2 is missed, the one below is not.
    expect(fnmrAtFmr([2, 1.5, 3, 1], [1, 2, 3], [0.5])).toEqual([0.5])
    expect(fnmrAtFmr([1], [1, 1], [0, 1])).toEqual([1, 1])
    // Between two distances the threshold is interpolated: at 0.25 it is 1.5.
    expect(fnmrAtFmr([1.5, 1.49], [3, 1, 2], [0.25])).toEqual([0.5])
  })

  it('is 0 for separated pairs and refuses bad rates', () => {
    expect(fnmrAtFmr([0.1, 0.2], [0.8, 0.9], [0, 0.5, 1])).toEqual([0, 0, 0])
    expect(() => fnmrAtFmr([1], [1], [2])).toThrow(expect.objectContaining({ code: 'metrics/range' }))
    expect(() => fnmrAtFmr([], [1], [0.5])).toThrow(expect.objectContaining({ code: 'metrics/shape' }))
  })
})

describe('tarAtFar', () => {
  it('accepts as many impostors as the rate allows, never more', () => {
    const impostors = [5, 1, 2, 3, 4]
    // A fifth of five is one impostor: distances below the second nearest are accepted.
    expect(tarAtFar([0.5, 1.9, 2, 9], impostors, [0, 0.19, 0.2, 1])).toEqual([0.25, 0.25, 0.5, 1])
    // Of equal impostors none is accepted where not all may be.
    expect(tarAtFar([0.5, 1], [1, 1, 1, 7], [0.5, 0.75])).toEqual([0.5, 1])
    expect(() => tarAtFar([1], [1], [-0.1])).toThrow(expect.objectContaining({ code: 'metrics/range' }))
    expect(() => tarAtFar([1], [], [0.1])).toThrow(expect.objectContaining({ code: 'metrics/shape' }))
    expect(() => tarAtFar([1, NaN], [1], [0.1])).toThrow(expect.objectContaining({ code: 'metrics/not-finite' }))
    expect(() => fnmrAtFmr([1], [NaN], [0.1])).toThrow(expect.objectContaining({ code: 'metrics/not-finite' }))
  })
})

describe('verificationAtCoverage', () => {
  it('leaves rejected images out of the pairs', () => {
    const truth = { queryLabels: ['a', 'b'], galleryLabels: ['a', 'b', 'x'], own: [-1, -1] }
    const lists = [
      { positions: Int32Array.of(2, 0, 1), distances: Float32Array.of(0.25, 0.5, 0.75) },
      { positions: Int32Array.of(1, 2, 0), distances: Float32Array.of(0.125, 0.5, 1) },
    ]
    // Same class: 0.5, 0.125. Others: 0.25, 0.75, 0.5, 1; without image 2: 0.75, 1.
    const found = verificationAtCoverage(lists, truth, [0, 1, 2], { coverages: [1, 0.67], rate: 0.25 })
    expect(found.tar).toEqual([0.5, 1])
    expect(found.fnmr).toEqual([0.5, 0])
    expect(() => verificationAtCoverage(lists, truth, [0, 1, 2], { coverages: [0.3], rate: 0.25 })).not.toThrow()
    const short = [{ positions: Int32Array.of(2), distances: Float32Array.of(0.25) }, lists[1]!]
    expect(() => verificationAtCoverage(short, truth, [0, 1, 2], { coverages: [1], rate: 0.25 })).toThrow(
      expect.objectContaining({ code: 'metrics/depth' }),
    )
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
    // At a quarter only image 0 is left: the second query has no answer, the first is right.
    expect(result.risk).toEqual([1, 0, 0])
    expect(result.answerable).toEqual([1, 1, 0.5])
    expect(result.strictRisk).toEqual([1, 0, 0.5])
    expect(result.randomRisk[0]).toBe(1)
    expect(result.randomStrictRisk[0]).toBe(1)
    expect(result.oracleRisk[1]).toBe(0)
    expect(result.oracleStrictRisk[1]).toBe(0)
    expect(result.aurc).toBeCloseTo(1 / 3, 12)
  })

  it('counts no error where the only answer was rejected, but strictly', () => {
    // Query b errs: its answer 1 stands behind 2. Rejecting 1 leaves a question that nobody can answer.
    const lists = [ranking(0, 2, 1, 3), ranking(2, 1, 0, 3)]
    const at = (uncertainty: number[]) =>
      galleryRejection(lists, truth, uncertainty, { coverages: [1, 0.75], seed: 0, repeats: 400 })
    const answerRejected = at([0, 9, 1, 2])
    expect(answerRejected.risk).toEqual([0.5, 0])
    expect(answerRejected.strictRisk).toEqual([0.5, 0.5])
    // At random one of four goes: the disturber or the missed answer ends the error, the found answer leaves one of one.
    expect(answerRejected.randomRisk[1]).toBeCloseTo((0 + 0 + 1 + 0.5) / 4, 1)
    expect(answerRejected.randomStrictRisk[1]).toBeCloseTo((0 + 0.5 + 1 + 0.5) / 4, 1)
    expect(answerRejected.oracleRisk[1]).toBe(0)
    expect(answerRejected.oracleStrictRisk[1]).toBe(0)
    const disturberRejected = at([0, 1, 9, 2])
    expect(disturberRejected.risk).toEqual([0.5, 0])
    expect(disturberRejected.strictRisk).toEqual([0.5, 0])
    const harmless = at([0, 1, 2, 9])
    expect(harmless.risk).toEqual([0.5, 0.5])
    const foundRejected = at([9, 1, 2, 0])
    expect(foundRejected.risk).toEqual([0.5, 1])
    expect(foundRejected.strictRisk).toEqual([0.5, 1])
    expect(foundRejected.answerable).toEqual([1, 0.5])
  })

  it('says 1 where no query is left', () => {
    const { risk, answerable } = galleryRejection(rankings, truth, [8, 9, 0, 1], { coverages: [0.5], seed: 0 })
    expect(risk).toEqual([1])
    expect(answerable).toEqual([0])
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

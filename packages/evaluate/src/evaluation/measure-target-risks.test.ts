import { createRandom, createRanking, type Warning } from '@lookalike/core'
import { expect, it } from 'vitest'
import { measureTargetRisks } from './measure-target-risks.js'

const COUNT = 400

/** One mate a query; a wrong image, less sure than 0.5, stands ahead of every `each`th mate. */
function setting(each: number, seed: number) {
  const random = createRandom(seed)
  const truth = {
    queryLabels: Array.from({ length: COUNT }, (_, i) => i),
    galleryLabels: Array.from({ length: 2 * COUNT }, (_, i) => i),
  }
  const uncertainty = Float32Array.from({ length: 2 * COUNT }, (_, i) =>
    i < COUNT ? 0.5 * random.next() : 0.5 + 0.5 * random.next(),
  )
  const rankings = truth.queryLabels.map((query) => {
    const list = query % each === 0 ? [COUNT + query, query] : [query, COUNT + query]
    return createRanking(Int32Array.from(list), Float32Array.of(0.1, 0.2))
  })
  return { truth, uncertainty, rankings }
}

it('keeps what does no harm, and measures on the other half', () => {
  const { truth, uncertainty, rankings } = setting(2, 1)
  const [strict, loose] = measureTargetRisks(rankings, truth, uncertainty, [0.05, 0.9], 3)
  // Half of the queries err; the wrong images are the unsure ones.
  expect(strict!.unrestrictedRisk).toBeCloseTo(0.5, 1)
  expect(strict!.threshold).toBeGreaterThan(0.5)
  expect(strict!.risk).toBeLessThan(0.12)
  expect(strict!.coverage).toBeLessThan(0.6)
  expect(loose).toMatchObject({ threshold: null, coverage: 1, risk: strict!.unrestrictedRisk })
})

it('stays at the target in the mean over calibrations', () => {
  const { truth, uncertainty, rankings } = setting(3, 2)
  const risks = Array.from(
    { length: 60 },
    (_, seed) => measureTargetRisks(rankings, truth, uncertainty, [0.1], seed)[0]!.risk,
  )
  expect(risks.reduce((sum, risk) => sum + risk, 0) / 60).toBeLessThan(0.11)
  expect(risks.reduce((sum, risk) => sum + risk, 0) / 60).toBeGreaterThan(0.07)
})

it('says what cannot be met, and where nothing errs', () => {
  const { truth, uncertainty, rankings } = setting(1, 1)
  const warnings: Warning[] = []
  const options = { onWarning: (warning: Warning) => warnings.push(warning) }
  // More than half of a gallery that is alike in uncertainty errs: only an empty one would do.
  expect(measureTargetRisks(rankings, truth, uncertainty.fill(0.5), [0.1, 0.001], 0, options)).toEqual([])
  expect(warnings.map(({ code }) => code)).toEqual(['metrics/target', 'metrics/target'])
  const right = rankings.map(({ positions }) => createRanking(positions.slice().reverse(), Float32Array.of(0.1, 0.2)))
  expect(measureTargetRisks(right, truth, uncertainty, [0.1], 0, options)).toMatchObject([{ threshold: null, risk: 0 }])
  expect(warnings.at(-1)).toMatchObject({ code: 'evaluate/no-calibration-errors', fields: { queries: COUNT / 2 } })
})

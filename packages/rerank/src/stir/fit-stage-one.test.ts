import { createRandom } from '@lookalike/core'
import { expect, it } from 'vitest'
import { fitStageOne } from './fit-stage-one.js'

const labels = Int32Array.of(0, 0, 1)
/** Pairs at random distances; the chance that one is different is the logistic function of `scale * (distance - middle)`. */
function drawn(scale: number, middle: number) {
  const random = createRandom(4)
  return Array.from({ length: 20_000 }, () => {
    const distance = random.next()
    const different = random.next() < 1 / (1 + Math.exp(-scale * (distance - middle)))
    return { query: 0, candidates: [different ? 2 : 1], distances: [distance] }
  })
}

it('finds the logistic function that pairs were drawn by', () => {
  const { scale, middle } = fitStageOne(drawn(8, 0.4), labels)!
  // Standard errors of 20,000 draws are about 0.11 and 0.002.
  expect(Math.abs(scale - 8)).toBeLessThan(0.5)
  expect(Math.abs(middle - 0.4)).toBeLessThan(0.01)
})

it('gives a finite answer for pairs that distance tells apart without error', () => {
  const term = fitStageOne(
    [
      { query: 0, candidates: [1, 2], distances: [0.1, 0.9] },
      { query: 1, candidates: [0, 2], distances: [0.2, 0.8] },
    ],
    labels,
  )!
  expect(Number.isFinite(term.scale)).toBe(true)
  expect(term.middle).toBeGreaterThan(0.2)
  expect(term.middle).toBeLessThan(0.8)
})

it('has no answer where right images are the farther ones', () => {
  expect(fitStageOne(drawn(-8, 0.4), labels)).toBeUndefined()
})

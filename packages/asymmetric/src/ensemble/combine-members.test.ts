import { expect, it } from 'vitest'
import { combineMembers, pairwiseUncertainty } from './combine-members.js'

const half = Math.SQRT1_2

it('takes the normalised mean', () => {
  expect([...combineMembers([Float32Array.of(1, 0, 0, 1), Float32Array.of(0, 1, 0, 1)], 2, 'mean')]).toEqual(
    [half, half, 0, 1].map(Math.fround),
  )
})

it('is unsure by the mean distance of all pairs', () => {
  // Image 1: right angles between a, b and a, c; b = c. Distances 1, 1, 0.
  // Image 2: a = b, c opposite. Distances 0, 2, 2.
  const a = Float32Array.of(1, 0, 1, 0)
  const b = Float32Array.of(0, 1, 1, 0)
  const c = Float32Array.of(0, 1, -1, 0)
  const [first, second] = pairwiseUncertainty([a, b, c], 2)!
  expect(first).toBeCloseTo(2 / 3, 6)
  expect(second).toBeCloseTo(4 / 3, 6)
  expect(pairwiseUncertainty([a, a], 2)).toEqual(Float32Array.of(0, 0))
})

it('one member has no uncertainty', () => {
  expect(pairwiseUncertainty([Float32Array.of(1, 0)], 2)).toBeUndefined()
})

it('counts a member less that disagrees with the others', () => {
  const members = [Float32Array.of(0, 1, 1, 0), Float32Array.of(0, 1, 1, 0), Float32Array.of(0, 1, 0, 1)]
  const [left, right, x, y] = combineMembers(members, 2, 'agreement')
  expect([left, right]).toEqual([0, 1])
  // Of the second image: mean distances 0.5, 0.5, 1: weights 1 / 0.55 twice and 1 / 1.05.
  expect(y! / x!).toBeCloseTo(0.55 / 1.05 / 2, 5)
})

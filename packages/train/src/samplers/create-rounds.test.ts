import { createRandom, type Random } from '@lookalike/core'
import { expect, it } from 'vitest'
import { batchesOfEpoch, createRounds, drawDifferent, groupPositions } from './create-rounds.js'

const members = Int32Array.of(7, 8, 9)

it('shuffles a new round as soon as less than one is left, and no earlier', () => {
  let rounds = 0
  const random: Random = {
    ...createRandom(1),
    permutation(count) {
      rounds++
      return Int32Array.from({ length: count }, (_, i) => i)
    },
  }
  const { next } = createRounds(members, random)
  const seen = Array.from({ length: 8 }, () => [next(), rounds])
  expect(seen).toEqual([7, 8, 9, 7, 8, 9, 7, 8].map((member, i) => [member, [1, 2, 2, 2, 3, 3, 3, 4][i]]))
})

it('passes over what is to be skipped, which keeps its place, and says when nothing is left', () => {
  const { next } = createRounds(members, createRandom(2))
  expect(next(new Set(members))).toBeUndefined()
  const first = next(new Set([7]))!
  expect(next(new Set([first, 7]))).toBe([8, 9].find((member) => member !== first))
  expect(next()).toBe(7)
})

it('draws a member twice only where there are fewer', () => {
  expect(drawDifferent(createRounds(members, createRandom(3)), 3).sort()).toEqual([7, 8, 9])
  const many = drawDifferent(createRounds(members, createRandom(3)), 7)
  const counts = [...members].map((member) => many.filter((other) => other === member).length)
  expect(counts.sort()).toEqual([2, 2, 3])
})

it('groups positions by rising class number', () => {
  expect(groupPositions(Int32Array.of(5, -1, 30, 5, 2))).toEqual(
    [[1], [4], [0, 3], [2]].map((at) => Int32Array.from(at)),
  )
})

it('has at least one batch an epoch', () => {
  expect([0, 9, 10, 19, 20].map((items) => batchesOfEpoch(items, 10))).toEqual([1, 1, 1, 1, 2])
})

import { createRanking } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import { reorder } from './reorder.js'

const ranking = createRanking(Int32Array.from([7, 3, 9, 1, 5]), Float32Array.from([0.125, 0.25, 0.25, 0.5, 0.75]))

describe('reorder', () => {
  it('sorts the first candidates, scales their distances below the tail, and leaves the tail alone', () => {
    const { positions, distances } = reorder(ranking, [0.5, 1, 0.25])
    expect([...positions]).toEqual([9, 7, 3, 1, 5])
    expect([...distances]).toEqual([0.125, 0.25, 0.5, 0.5, 0.75])
  })

  it('keeps distances that fit, and breaks ties by rank', () => {
    expect([...reorder(ranking, [0.25, 0.25, 0.125]).positions]).toEqual([9, 7, 3, 1, 5])
    expect([...reorder(ranking, [0.25, 0.25, 0.125]).distances]).toEqual([0.125, 0.25, 0.25, 0.5, 0.75])
  })

  it('sorts around candidates that were not judged', () => {
    const { positions, distances } = reorder(ranking, [NaN, 0.5, NaN, 0.25])
    expect([...positions]).toEqual([7, 1, 9, 3, 5])
    expect([...distances]).toEqual([0.25, 0.25, 0.25, 0.5, 0.75])
    expect(reorder(ranking, [NaN, NaN])).toBe(ranking)
  })

  it('shifts where a distance is negative', () => {
    const below = createRanking(Int32Array.from([0, 1, 2]), Float32Array.from([-3, -2, -1]))
    const { positions, distances } = reorder(below, [1, -0.5])
    expect([...positions]).toEqual([1, 0, 2])
    expect([...distances]).toEqual([-2.5, -1, -1])
  })

  it('takes lists without a tail as they are', () => {
    expect([...reorder(ranking, [5, 4, 3, 2, 1]).distances]).toEqual([1, 2, 3, 4, 5])
  })
})

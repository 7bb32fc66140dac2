import { createRandom } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import { createListBatches } from './list-pairs.js'

const labels = Int32Array.of(0, 0, 0, 1, 1, 1, 2, 2)
const list = (query: number, candidates: number[]) => ({
  query,
  candidates,
  distances: candidates.map((_, i) => i / 10),
})
const lists = [list(0, [1, 3]), list(1, [0, 2]), list(3, [6, 4]), list(6, [0, 3]), list(4, [3, 7]), list(7, [6, 1])]

describe('createListBatches', () => {
  const epoch = createListBatches(lists, labels, 6)

  it('has every list that holds both right and wrong images once, and no other', () => {
    const queries = epoch(createRandom(1)).flatMap(({ positions, pairs }) =>
      Array.from(pairs(positions).query, (row) => positions[row]!),
    )
    expect(queries.sort()).toEqual([0, 0, 3, 3, 4, 4, 7, 7])
  })

  it('pairs the query with each of its list, an image of a batch being read once', () => {
    for (const { positions, pairs } of epoch(createRandom(2))) {
      expect(new Set(positions).size).toBe(positions.length)
      expect(positions.length).toBeLessThanOrEqual(6)
      const { query, candidate, different } = pairs(positions)
      query.forEach((row, i) => {
        const of = lists.find((one) => one.query === positions[row])!
        expect(of.candidates).toContain(positions[candidate[i]!])
        expect(different[i]).toBe(labels[positions[row]!] === labels[positions[candidate[i]!]!] ? 0 : 1)
      })
    }
  })

  it('comes in another order each epoch', () => {
    const order = (seed: number) =>
      createListBatches(lists, labels, 3)(createRandom(seed)).map(({ positions }) => positions[0])
    expect(new Set([1, 2, 3, 4, 5].map((seed) => order(seed).join())).size).toBeGreaterThan(1)
  })

  it('says when there is no order to learn', () => {
    expect(() => createListBatches([lists[1]!, lists[3]!], labels, 6)).toThrow(
      expect.objectContaining({ code: 'pair/no-lists' }),
    )
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { listingDigest, parseShard, shardRange } from './shard.js'

describe('a shard', () => {
  it('is one of several, counted from 1', () => {
    expect(parseShard(' 2/8 ')).toEqual({ number: 2, of: 8 })
    expect(parseShard('1/1')).toEqual({ number: 1, of: 1 })
  })

  it.each(['0/8', '9/8', '8', '1/0', '-1/8', '1.5/8', 'a/b', '1/8/2', '', '1/99999999'])('is not %s', (text) => {
    expect(() => parseShard(text)).toThrow(expect.objectContaining({ code: 'index/shard' }))
  })

  it('begins where the one before ends; together they are everything, and none is larger than another by two', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 40 }), fc.integer({ min: 1, max: 300 }), (images, of) => {
        let at = 0
        const sizes: number[] = []
        for (let number = 1; number <= of; number++) {
          const { start, end } = shardRange(images, { number, of })
          expect(start).toBe(at)
          sizes.push(end - start)
          at = end
        }
        expect(at).toBe(images)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      }),
      { numRuns: 100 },
    )
  })
})

it('a listing is its ids in their order', () => {
  expect(listingDigest(['a', 'b'])).toBe(listingDigest(['a', 'b']))
  const others = [['b', 'a'], ['ab'], ['a', 'b', ''], ['a\n1 b']].map(listingDigest)
  expect(new Set([...others, listingDigest(['a', 'b'])]).size).toBe(5)
})

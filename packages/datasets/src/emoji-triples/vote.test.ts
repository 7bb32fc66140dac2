import { describe, expect, it } from 'vitest'
import { annotatorAgreement } from './annotator-agreement.js'
import { pairAt } from './draw-triples.js'
import { indexKeywords } from './locale-keywords.js'
import { countVotes, keywordSimilarity, vote } from './vote.js'

const locale = indexKeywords('xx', [
  ['cat', ['Pet', 'face cat']],
  ['dog', ['pet', 'face']],
  ['pie', ['food', 'face']],
  ['pan', ['food']],
])

describe('keywordSimilarity', () => {
  it('is the idf-weighted Jaccard overlap of words', () => {
    // pet is in 2 of 4, face in 3, cat in 1, food in 2.
    const [pet, face, cat, food] = [2, 4 / 3, 4, 2].map(Math.log) as [number, number, number, number]
    expect(keywordSimilarity(locale, 'cat', 'dog')).toBeCloseTo((pet + face) / (pet + face + cat), 12)
    expect(keywordSimilarity(locale, 'pie', 'cat')).toBeCloseTo(face / (pet + face + cat + food), 12)
    expect(keywordSimilarity(locale, 'pan', 'dog')).toBe(0)
    expect(keywordSimilarity(locale, 'pan', 'pan')).toBe(1)
    expect(keywordSimilarity(locale, 'pan', 'owl')).toBeUndefined()
  })
})

describe('vote', () => {
  it('lets a locale vote where it knows all three and sees a difference', () => {
    const silent = indexKeywords('yy', [
      ['cat', ['pet']],
      ['dog', ['pet']],
    ])
    const undecided = indexKeywords('zz', [
      ['cat', ['x']],
      ['dog', ['y']],
      ['pie', ['z']],
    ])
    expect([...vote([locale, silent, undecided], 'cat', 'dog', 'pie')]).toEqual([1, 0, 0])
    expect([...vote([locale, silent, undecided], 'cat', 'pie', 'dog')]).toEqual([-1, 0, 0])
    expect(countVotes(Int8Array.of(1, 1, 0, -1))).toEqual({ a: 2, b: 1 })
  })
})

describe('annotatorAgreement', () => {
  it('leaves the voter out of the majority', () => {
    // 3 to 1: the three see 2 to 1 for them, the one sees 3 to 0 against it. 2 to 1: the two see 1 to 1, the one 2 to 0.
    expect(annotatorAgreement([{ a: 3, b: 1 }]).withMajority).toBe(3 / 4)
    expect(annotatorAgreement([{ a: 1, b: 2 }]).withMajority).toBe(0)
    expect(
      annotatorAgreement([
        { a: 3, b: 1 },
        { a: 0, b: 4 },
      ]),
    ).toEqual({ withMajority: 7 / 8, pairwise: (0.5 + 1) / 2 })
  })
})

describe('pairAt', () => {
  it('lists every pair once', () => {
    const pairs = Array.from({ length: 4950 }, (_, place) => pairAt(place))
    expect(new Set(pairs.map(String)).size).toBe(4950)
    expect(pairs.every(([i, j]) => i >= 0 && i < j && j < 100)).toBe(true)
  })
})

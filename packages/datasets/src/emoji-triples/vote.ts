import type { LocaleKeywords } from './locale-keywords.js'

/** A locale votes when its two similarities differ by more than this. */
const LEAST_DIFFERENCE = 0.02

/** What one triple got: for each locale 1 for a, -1 for b, 0 for no vote. */
export type Votes = Int8Array

/** idf-weighted Jaccard overlap of two emoji's keywords, 0 to 1; undefined where the locale lacks one of them. */
export function keywordSimilarity({ words, idf }: LocaleKeywords, a: string, b: string): number | undefined {
  const left = words.get(a)
  const right = words.get(b)
  if (!left || !right) return undefined
  let common = 0
  let all = 0
  let j = 0
  for (const word of left) {
    while (j < right.length && right[j]! < word) all += idf[right[j++]!]!
    const weight = idf[word]!
    all += weight
    if (right[j] === word) {
      common += weight
      j++
    }
  }
  while (j < right.length) all += idf[right[j++]!]!
  return all > 0 ? common / all : 0
}

/** Every locale's answer to "is a or b closer to the reference?". */
export function vote(locales: readonly LocaleKeywords[], reference: string, a: string, b: string): Votes {
  return Int8Array.from(locales, (locale) => {
    const toA = keywordSimilarity(locale, reference, a)
    const toB = keywordSimilarity(locale, reference, b)
    if (toA === undefined || toB === undefined || Math.abs(toA - toB) <= LEAST_DIFFERENCE) return 0
    return toA > toB ? 1 : -1
  })
}

export interface VoteCount {
  readonly a: number
  readonly b: number
}

export function countVotes(votes: Votes): VoteCount {
  let a = 0
  let b = 0
  for (const value of votes) {
    if (value > 0) a++
    else if (value < 0) b++
  }
  return { a, b }
}

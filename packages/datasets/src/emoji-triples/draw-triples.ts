import type { Random } from '@lookalike/core'
import type { LocaleKeywords } from './locale-keywords.js'
import { countVotes, type VoteCount, vote } from './vote.js'

/** A triple of emoji keys with its votes; never a tie. */
export interface VotedTriple {
  readonly reference: string
  readonly a: string
  readonly b: string
  readonly votes: VoteCount
}

/**
 * Up to `count` triples of one reference: pairs of `candidates` in random order, of which those stay that get
 * `minVotes` votes with a majority.
 */
export function drawTriples(
  reference: string,
  candidates: readonly string[],
  locales: readonly LocaleKeywords[],
  { count, minVotes, random }: { readonly count: number; readonly minVotes: number; readonly random: Random },
): VotedTriple[] {
  const others = candidates.filter((key) => key !== reference)
  const total = (others.length * (others.length - 1)) / 2
  const drawn: VotedTriple[] = []
  for (const pair of random.permutation(total)) {
    if (drawn.length === count) break
    const [first, second] = pairAt(pair)
    // Which of the two is a must not tell the answer.
    const [a, b] = random.next() < 0.5 ? [others[first]!, others[second]!] : [others[second]!, others[first]!]
    const votes = countVotes(vote(locales, reference, a, b))
    if (votes.a + votes.b >= minVotes && votes.a !== votes.b) drawn.push({ reference, a, b, votes })
  }
  return drawn
}

/** The pair (i, j), i < j, at a place of the list (0,1), (0,2), (1,2), (0,3), ... */
export function pairAt(place: number): readonly [number, number] {
  let j = Math.floor((1 + Math.sqrt(1 + 8 * place)) / 2)
  // The square root may round across a whole number.
  if ((j * (j - 1)) / 2 > place) j--
  else if ((j * (j + 1)) / 2 <= place) j++
  return [place - (j * (j - 1)) / 2, j]
}

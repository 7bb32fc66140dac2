import type { VoteCount } from './vote.js'

export interface AnnotatorAgreement {
  /**
   * How often one voter agrees with the majority of the others, 0 to 1: what a perfect annotator reaches, and the figure
   * to hold beside a model's triple accuracy. Votes whose others are split evenly are not counted.
   */
  readonly withMajority: number
  /** How often two voters of one triple agree, 0 to 1, as the mean over triples. */
  readonly pairwise: number
}

/** Agreement among the voters of triples; each triple needs at least two votes. */
export function annotatorAgreement(triples: readonly VoteCount[]): AnnotatorAgreement {
  let agreed = 0
  let counted = 0
  let pairs = 0
  for (const { a, b } of triples) {
    pairs += (a * (a - 1) + b * (b - 1)) / ((a + b) * (a + b - 1))
    for (const [mine, others] of [
      [a, b],
      [b, a],
    ] as const) {
      const lead = mine - 1 - others
      if (mine === 0 || lead === 0) continue
      counted += mine
      if (lead > 0) agreed += mine
    }
  }
  return { withMajority: agreed / counted, pairwise: pairs / triples.length }
}

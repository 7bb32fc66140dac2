import { createRandom, type Triple } from '@lookalike/core'

/**
 * Gives the training triples their contexts: one a reference, or so many groups of references, drawn at random and as
 * equal in number of references as can be. Other triples, and contexts given as `column`, stay.
 */
export function assignContexts(
  triples: readonly Triple[],
  contexts: 'column' | 'reference' | number,
  seed: number,
): readonly Triple[] {
  if (contexts === 'column') return triples
  const contextOf = contexts === 'reference' ? (reference: string) => reference : groups(triples, contexts, seed)
  return triples.map((triple) =>
    triple.split === 'train' ? { ...triple, context: contextOf(triple.reference) } : triple,
  )
}

function groups(triples: readonly Triple[], count: number, seed: number): (reference: string) => string {
  const references = [
    ...new Set(triples.filter(({ split }) => split === 'train').map(({ reference }) => reference)),
  ].sort()
  const order = createRandom(`${seed}/contexts`).permutation(references.length)
  const rank = new Map([...order].map((at, position) => [references[at]!, position]))
  const width = String(count).length
  return (reference) => `group-${String((rank.get(reference)! % count) + 1).padStart(width, '0')}`
}

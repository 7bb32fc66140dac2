import { createRandom, LookalikeError, type Split } from '@lookalike/core'
import { drawTriples, type VotedTriple } from './draw-triples.js'
import type { LocaleKeywords } from './locale-keywords.js'

/** An emoji that can take part: it has a group, a drawing and keywords. */
export interface Candidate {
  readonly key: string
  /** Of CLDR's ten groups. */
  readonly group: number
  readonly split: 'train' | 'test'
}

export interface TriplePlan {
  readonly contexts: number
  readonly triplesPerContext: number
  readonly validationReferences: number
  readonly testReferences: number
  readonly triplesPerReference: number
  readonly minVotes: number
  readonly seed: number
}

export type PlannedTriple = VotedTriple & { readonly split: Split; readonly context?: string }

/**
 * Draws the triples: contexts of one training reference each, taken from the groups in turn; then validation references
 * from the other training emoji, and test references from the test emoji. A and B come from the reference's own group
 * and its own side of the split.
 *
 * @throws `dataset/too-few-triples` where fewer references than asked for get enough voted triples
 */
export function planTriples(
  candidates: readonly Candidate[],
  voters: { readonly train: readonly LocaleKeywords[]; readonly test: readonly LocaleKeywords[] },
  plan: TriplePlan,
): PlannedTriple[] {
  const random = createRandom(`${plan.seed}/emoji-triples`)
  const order = random.permutation(candidates.length)
  const shuffled = Array.from(order, (at) => candidates[at]!)
  const side = (split: Candidate['split']) => shuffled.filter((candidate) => candidate.split === split)
  const peersOf = groupBy(candidates, ({ split, group }) => `${split} ${group}`)
  const draw = ({ key, split, group }: Candidate, count: number, minCount: number) => {
    const peers = peersOf.get(`${split} ${group}`)!.map((candidate) => candidate.key)
    const drawn = drawTriples(key, peers, voters[split], { count, minVotes: plan.minVotes, random: random.fork(key) })
    return drawn.length >= minCount ? drawn : []
  }

  const contexts: PlannedTriple[] = []
  const used = new Set<string>()
  for (const candidate of inTurn(side('train'))) {
    if (used.size === plan.contexts) break
    const drawn = draw(candidate, plan.triplesPerContext, plan.triplesPerContext)
    if (drawn.length === 0) continue
    used.add(candidate.key)
    contexts.push(...drawn.map((triple): PlannedTriple => ({ ...triple, split: 'train', context: candidate.key })))
  }
  if (used.size < plan.contexts) throw tooFew('contexts', plan.contexts, used.size, plan.triplesPerContext)

  const references = (pool: readonly Candidate[], wanted: number, split: 'validation' | 'test') => {
    const triples: PlannedTriple[] = []
    let found = 0
    for (const candidate of pool) {
      if (found === wanted) break
      const drawn = draw(candidate, plan.triplesPerReference, plan.triplesPerReference)
      if (drawn.length === 0) continue
      found++
      triples.push(...drawn.map((triple): PlannedTriple => ({ ...triple, split })))
    }
    if (found < wanted) throw tooFew(`${split}References`, wanted, found, plan.triplesPerReference)
    return triples
  }
  const validation = references(side('train').filter(({ key }) => !used.has(key)), plan.validationReferences, 'validation')
  return [...contexts, ...validation, ...references(side('test'), plan.testReferences, 'test')]
}

/** One of each group, then the next of each: contexts differ more when their groups do. */
function inTurn(candidates: readonly Candidate[]): Candidate[] {
  const rank = new Map<number, number>()
  return candidates
    .map((candidate) => {
      const turn = rank.get(candidate.group) ?? 0
      rank.set(candidate.group, turn + 1)
      return { candidate, turn }
    })
    .sort((a, b) => a.turn - b.turn)
    .map(({ candidate }) => candidate)
}

function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const value of values) {
    const list = groups.get(keyOf(value))
    if (list) list.push(value)
    else groups.set(keyOf(value), [value])
  }
  return groups
}

function tooFew(option: string, wanted: number, found: number, triples: number): LookalikeError {
  return new LookalikeError(
    'dataset/too-few-triples',
    {
      problem: `${option} asks for ${wanted} reference emoji, and ${found} have ${triples} triples with enough votes`,
      fix: `Lower ${option}, the triples of each, or minVotes`,
    },
    { fields: { option, wanted, found } },
  )
}

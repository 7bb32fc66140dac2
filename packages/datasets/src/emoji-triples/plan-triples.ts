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
  /** 1 is the paper's; several are of one group. */
  readonly referencesPerContext: number
  readonly validationReferences: number
  readonly testReferences: number
  readonly triplesPerReference: number
  readonly minVotes: number
  readonly seed: number
}

export type PlannedTriple = VotedTriple & { readonly split: Split; readonly context?: string | undefined }

/**
 * Draws the triples: contexts of one training reference each, or of several of one group, taken from the groups in turn; then validation
 * references from the other training emoji, and test references from the test emoji. A and B come from the reference's own group
 * and its own side of the split.
 *
 * @throws `dataset/too-few-triples` where fewer contexts or references than asked for get enough voted triples
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
  const each = Math.ceil(plan.triplesPerContext / plan.referencesPerContext)
  let found = 0
  for (const { group, turn, members } of teams(side('train'), plan.referencesPerContext, (candidate) =>
    draw(candidate, each, each),
  )) {
    if (found === plan.contexts) break
    found++
    const name =
      plan.referencesPerContext === 1
        ? members[0]!.candidate.key
        : `${EMOJI_GROUPS[group] ?? `group ${group}`}${turn > 0 ? ` ${turn + 1}` : ''}`
    for (const { candidate } of members) used.add(candidate.key)
    const drawn = members.flatMap(({ triples }) => triples).slice(0, plan.triplesPerContext)
    contexts.push(...drawn.map((triple): PlannedTriple => ({ ...triple, split: 'train', context: name })))
  }
  if (found < plan.contexts) throw tooFew('contexts', plan.contexts, found, plan.triplesPerContext)

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
  const validation = references(
    side('train').filter(({ key }) => !used.has(key)),
    plan.validationReferences,
    'validation',
  )
  return [...contexts, ...validation, ...references(side('test'), plan.testReferences, 'test')]
}

/** CLDR's groups, by number. */
const EMOJI_GROUPS = [
  'smileys',
  'people',
  'components',
  'animals',
  'food',
  'travel',
  'activities',
  'objects',
  'symbols',
  'flags',
]

interface Team {
  readonly group: number
  /** How many teams the group gave before. */
  readonly turn: number
  readonly members: readonly { readonly candidate: Candidate; readonly triples: readonly VotedTriple[] }[]
}

/** Teams of `size` candidates that have triples, one of each group, then the next of each: contexts differ more when their groups do. */
function* teams(
  candidates: readonly Candidate[],
  size: number,
  draw: (candidate: Candidate) => readonly VotedTriple[],
): Generator<Team> {
  const open = [...groupBy(candidates, ({ group }) => String(group)).values()].map((members) => ({
    group: members[0]!.group,
    left: [...members],
    turn: 0,
  }))
  for (let at = 0; open.length > 0; at = at + 1 >= open.length ? 0 : at + 1) {
    const team: { candidate: Candidate; triples: readonly VotedTriple[] }[] = []
    const { group, left, turn } = open[at]!
    while (team.length < size && left.length > 0) {
      const candidate = left.shift()!
      const triples = draw(candidate)
      if (triples.length > 0) team.push({ candidate, triples })
    }
    if (team.length < size) open.splice(at--, 1)
    else {
      open[at]!.turn++
      yield { group, turn, members: team }
    }
  }
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

import { createRandom, type LossTriple, type Random, type Warning } from '@lookalike/core'

/** Random halvings of each reference's triples, and shuffles that stand for members without reference-dependent skill. */
const SPLITS = 3
const SHUFFLES = 100
/** Above this share of the shuffles the observed gain may be chance. */
const CHANCE = 0.05

export interface ReferenceSkill {
  readonly references: number
  readonly triples: number
  /** Accuracy of the best member of each reference, chosen and measured on the same triples: what hindsight reaches. */
  readonly hindsight: number
  /** The same of members whose skill does not depend on the reference, mean of the shuffles. */
  readonly hindsightByChance: number
  /** Accuracy of the best member of each reference, chosen on one half of its triples and measured on the other. */
  readonly corrected: number
  readonly correctedByChance: number
  /** Share of the shuffles in which `corrected` is as large as observed: small where skill depends on the reference. */
  readonly chance: number
}

/**
 * Whether it depends on the reference which member is right, from triples of several references. Hindsight alone cannot tell: of K equally good
 * members some one is always lucky on the few triples of a reference. So the best member is chosen on one half of a reference's triples and
 * measured on the other, and beside it stand shuffles: each triple goes to a random reference, with what all members make of it, so that the members
 * keep their accuracies and their agreement, and lose what they know of one reference.
 *
 * @param hits one array a member, 1 where it gets the triple right; see {@link hits}
 */
export function referenceSkill(
  hits: readonly Float32Array[],
  triples: readonly Pick<LossTriple, 'reference'>[],
  seed: number | string,
): ReferenceSkill {
  const random = createRandom(seed).fork('reference skill')
  const groups = groupsOf(triples)
  const places = Int32Array.from(groups.flat())
  const lengths = groups.map(({ length }) => length)
  // By triple, so that a triple's members lie side by side.
  const members = hits.length
  const right = Float32Array.from(
    { length: triples.length * members },
    (_, at) => hits[at % members]![Math.floor(at / members)]!,
  )
  const observed = measure(right, members, lengths, places, random.fork('halves'))
  let [hindsight, corrected, asLarge] = [0, 0, 0]
  for (let shuffle = 0; shuffle < SHUFFLES; shuffle++) {
    const shuffled = random.permutation(places.length).map((at) => places[at]!)
    const found = measure(right, members, lengths, shuffled, random)
    hindsight += found.hindsight / SHUFFLES
    corrected += found.corrected / SHUFFLES
    if (found.corrected >= observed.corrected) asLarge++
  }
  return {
    references: groups.length,
    triples: places.length,
    ...observed,
    hindsightByChance: hindsight,
    correctedByChance: corrected,
    chance: (asLarge + 1) / (SHUFFLES + 1),
  }
}

/** Says that no weighting can help, where members show no skill that depends on the reference. */
export function skillWarnings(skill: ReferenceSkill): Warning[] {
  const { references, triples, corrected, correctedByChance, chance } = skill
  if (references > 0 && chance <= CHANCE) return []
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`
  return [
    {
      code: 'ensemble/no-reference-skill',
      message:
        references === 0
          ? 'No validation reference has two triples, so nothing tells whether some members know some references better: weights that depend on the reference are guesses.'
          : `Which member is right does not depend on the reference, as far as ${triples} triples of ${references} validation references tell: the best member of each reference reaches ${percent(corrected)} on triples that did not choose it, and ${percent(correctedByChance)} by chance (p = ${chance.toFixed(2)}). No weights can use what is not there: expect the plain average.`,
      fields: { ...skill },
    },
  ]
}

/** Triples of each reference that has two or more. */
function groupsOf(triples: readonly Pick<LossTriple, 'reference'>[]): number[][] {
  const groups = new Map<number, number[]>()
  for (const [at, { reference }] of triples.entries()) {
    const own = groups.get(reference)
    if (own) own.push(at)
    else groups.set(reference, [at])
  }
  return [...groups.values()].filter(({ length }) => length > 1)
}

function measure(
  right: Float32Array,
  members: number,
  lengths: readonly number[],
  places: Int32Array,
  random: Random,
): { hindsight: number; corrected: number } {
  let [hindsight, corrected, counted, start] = [0, 0, 0, 0]
  const halves = [new Float64Array(members), new Float64Array(members)] as const
  for (const length of lengths) {
    const cut = length >> 1
    for (let split = 0; split < SPLITS; split++) {
      const order = random.permutation(length)
      for (const half of halves) half.fill(0)
      for (let i = 0; i < length; i++) {
        const from = places[start + order[i]!]! * members
        const half = halves[i < cut ? 0 : 1]
        for (let k = 0; k < members; k++) half[k]! += right[from + k]!
      }
      if (split === 0) hindsight += Math.max(...halves[0].map((value, k) => value + halves[1][k]!))
      corrected += ofBest(halves[0], halves[1]) + ofBest(halves[1], halves[0])
      counted += length
    }
    start += length
  }
  return { hindsight: hindsight / (places.length || 1), corrected: corrected / (counted || 1) }
}

/** What the best member of one half gets right of the other; members that are equally good share it. */
function ofBest(chosenBy: Float64Array, measured: Float64Array): number {
  const most = Math.max(...chosenBy)
  let [sum, best] = [0, 0]
  for (let k = 0; k < chosenBy.length; k++) {
    if (chosenBy[k] !== most) continue
    sum += measured[k]!
    best++
  }
  return sum / best
}

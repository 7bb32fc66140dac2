import { createRandom } from '@lookalike/core'
import { expect, it } from 'vitest'
import { referenceSkill, skillWarnings } from './reference-skill.js'

const [REFERENCES, EACH, MEMBERS] = [60, 10, 8]
const triples = Array.from({ length: REFERENCES * EACH }, (_, at) => ({ reference: Math.floor(at / EACH) }))

/** Members that are right with a probability of their own on each reference. */
function membersOf(seed: number, share: (member: number, reference: number) => number) {
  const random = createRandom(seed)
  return Array.from({ length: MEMBERS }, (_, k) =>
    Float32Array.from(triples, ({ reference }) => (random.next() < share(k, reference) ? 1 : 0)),
  )
}

it('tells the luck of hindsight from skill: members that are alike have none', () => {
  let found = 0
  for (let seed = 0; seed < 20; seed++) {
    const skill = referenceSkill(
      membersOf(seed, () => 0.75),
      triples,
      0,
    )
    // Choosing among eight on ten triples wins some ten points by luck alone.
    expect(skill.hindsight).toBeGreaterThan(0.85)
    expect(Math.abs(skill.hindsight - skill.hindsightByChance)).toBeLessThan(0.02)
    expect(Math.abs(skill.corrected - 0.75)).toBeLessThan(0.05)
    if (skillWarnings(skill).length === 0) found++
  }
  // One in twenty is found where there is nothing.
  expect(found).toBeLessThanOrEqual(4)
})

it('a member that is better everywhere is no skill of a reference either', () => {
  const skill = referenceSkill(
    membersOf(1, (k) => (k === 0 ? 0.95 : 0.6)),
    triples,
    0,
  )
  expect(skill.corrected).toBeGreaterThan(0.8)
  expect(Math.abs(skill.corrected - skill.correctedByChance)).toBeLessThan(0.05)
  expect(skillWarnings(skill)).toMatchObject([{ code: 'ensemble/no-reference-skill' }])
})

it('finds members that know some references', () => {
  const skill = referenceSkill(
    membersOf(2, (k, reference) => (reference % MEMBERS === k ? 0.95 : 0.65)),
    triples,
    0,
  )
  expect(skill.corrected).toBeGreaterThan(skill.correctedByChance + 0.03)
  expect(skill.chance).toBeLessThan(0.02)
  expect(skillWarnings(skill)).toEqual([])
})

it('says so where no reference has two triples', () => {
  const single = triples.filter((_, at) => at % EACH === 0)
  const skill = referenceSkill(
    [new Float32Array(REFERENCES), new Float32Array(REFERENCES)],
    single.map((_, reference) => ({ reference })),
    0,
  )
  expect(skill).toMatchObject({ references: 0, triples: 0 })
  expect(skillWarnings(skill)[0]!.message).toContain('No validation reference has two triples')
})

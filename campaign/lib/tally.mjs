let last

/** What a campaign that is stopped has found so far. */
export const lastTally = () => last

/**
 * What came of attempts: `survived` gave the right answers, `named` an error or a warning that says what happened, `lost` something that was
 * acknowledged and cannot be had back, `silent` a wrong answer without a word.
 */
export function createTally() {
  const counts = { tried: 0, survived: 0, named: 0, lost: 0, silent: 0 }
  const examples = []
  last = { counts, examples }
  return {
    counts,
    examples,
    add(outcome, what) {
      counts.tried++
      counts[outcome]++
      if ((outcome === 'lost' || outcome === 'silent') && examples.length < 20) examples.push(`${outcome}: ${what}`)
    },
  }
}

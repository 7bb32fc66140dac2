import { createRandom, LookalikeError, type Split } from '@lookalike/core'

export interface SplitShares {
  /** Share for validation, in [0, 1]. */
  readonly validation?: number | undefined
  /** Share for test, in [0, 1]. Training gets what the two leave, which is nothing where they sum to 1. */
  readonly test?: number | undefined
  /** The same seed and names give the same parts; default 0. */
  readonly seed?: number | undefined
}

/**
 * Cuts names (labels, references) into disjoint parts. Depends on the set of names alone, not on their order. A part
 * that is asked for gets at least one name.
 *
 * @throws `dataset/too-few-classes` when a part that is asked for, training included, would stay empty.
 */
export function splitLabels(labels: Iterable<string>, shares: SplitShares): Map<string, Split> {
  const { validation = 0, test = 0, seed = 0 } = shares
  const names = [...new Set(labels)].sort()
  const noTraining = validation + test >= 1 - 1e-9
  const held = { validation: count(validation, names.length), test: count(test, names.length) }
  if (noTraining) held.test = test > 0 ? names.length - held.validation : 0
  const training = names.length - held.validation - held.test
  if (training < (noTraining ? 0 : 1) || (test > 0 && held.test < 1)) {
    throw new LookalikeError(
      'dataset/too-few-classes',
      {
        problem: `${names.length} classes cannot be cut into parts with shares of ${validation} for validation and ${test} for test`,
        expected: 'at least one class in each part',
        fix: 'Lower the shares or add classes',
      },
      { fields: { classes: names.length, validation, test } },
    )
  }
  const order = createRandom(`${seed}/split-labels`).permutation(names.length)
  const splits = new Map<string, Split>(names.map((name) => [name, 'train']))
  order.forEach((at, rank) => {
    if (rank < held.test) splits.set(names[at]!, 'test')
    else if (rank < held.test + held.validation) splits.set(names[at]!, 'validation')
  })
  return splits
}

function count(share: number, total: number): number {
  return share > 0 ? Math.max(1, Math.round(share * total)) : 0
}

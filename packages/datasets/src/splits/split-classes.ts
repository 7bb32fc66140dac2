import { createRandom, LookalikeError, type Split } from '@lookalike/core'

export interface SplitClassesOptions {
  /** Share of the classes for validation, in [0, 1). */
  readonly validation?: number
  /** Share of the classes for test, in [0, 1). */
  readonly test?: number
  /** The same seed and classes give the same parts; default 0. */
  readonly seed?: number
}

/**
 * Cuts classes into disjoint parts: each label belongs to one split. Depends on the set of labels alone, neither on
 * their order nor on the number of items. A part that is asked for gets at least one class.
 *
 * @throws `dataset/too-few-classes` when a part, training included, would stay empty.
 */
export function splitClasses(labels: Iterable<string>, options: SplitClassesOptions): Map<string, Split> {
  const { validation = 0, test = 0, seed = 0 } = options
  const names = [...new Set(labels)].sort()
  const count = (share: number) => (share > 0 ? Math.max(1, Math.round(share * names.length)) : 0)
  const held = { validation: count(validation), test: count(test) }
  if (held.validation + held.test >= names.length && names.length > 0) {
    throw new LookalikeError(
      'dataset/too-few-classes',
      {
        problem: `${names.length} classes cannot be cut into a training part and ${held.validation} validation and ${held.test} test classes`,
        fix: 'Lower the shares or add classes',
      },
      { fields: { classes: names.length, ...held } },
    )
  }
  const order = createRandom(`${seed}/split-classes`).permutation(names.length)
  const splits = new Map<string, Split>()
  order.forEach((at, rank) => {
    splits.set(names[at]!, rank < held.test ? 'test' : rank < held.test + held.validation ? 'validation' : 'train')
  })
  return new Map(names.map((name) => [name, splits.get(name)!]))
}

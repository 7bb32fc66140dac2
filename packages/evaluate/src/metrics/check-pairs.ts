import { LookalikeError } from '@lookalike/core'

/** @throws `metrics/shape` without pairs of both kinds, `metrics/not-finite`, `metrics/range` for a rate. */
export function checkPairs(positive: ArrayLike<number>, negative: ArrayLike<number>, rates: readonly number[]): void {
  if (!(positive?.length > 0 && negative?.length > 0)) {
    throw new LookalikeError('metrics/shape', {
      problem: `${positive?.length ?? 0} same-class and ${negative?.length ?? 0} other pairs came`,
      expected: 'at least one of each',
    })
  }
  for (const [kind, distances] of [
    ['same-class', positive],
    ['other', negative],
  ] as const)
    checkFinite(`distance of ${kind} pair`, distances)
  for (const rate of rates) checkRate('A rate', rate)
}

/** @throws `metrics/not-finite` with the first bad entry. */
export function checkFinite(what: string, values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue
    throw new LookalikeError(
      'metrics/not-finite',
      { problem: `The ${what} ${i} is ${String(values[i])}`, expected: 'a finite number' },
      { fields: { entry: i } },
    )
  }
}

/** @throws `metrics/range` for what is no share. */
export function checkRate(what: string, rate: number): void {
  if (rate >= 0 && rate <= 1) return
  throw new LookalikeError('metrics/range', {
    problem: `${what} of ${rate} was asked for`,
    expected: 'a number from 0 to 1',
  })
}

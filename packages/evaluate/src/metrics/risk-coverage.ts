import { LookalikeError } from '@lookalike/core'

/** Error rate of what is kept, as the least sure are rejected one after the other. */
export interface RiskCoverage {
  /** 1/n, 2/n, ..., 1. */
  readonly coverage: Float64Array
  /** Error rate among the kept share, the surest first. */
  readonly risk: Float64Array
  /** Area under the curve: mean of `risk`. Lower is better. */
  readonly aurc: number
  /** AURC of rejecting the errors first: nothing is lower. */
  readonly oracleAurc: number
  /** Expected AURC of rejecting at random. */
  readonly randomAurc: number
}

/**
 * Risk-coverage curve (Geifman and El-Yaniv, "Selective Classification for Deep Neural Networks"). Equal uncertainties
 * share their errors, so that their order does not matter.
 *
 * @param uncertainty one value a decision, larger = less sure
 * @param errors 1 for a wrong decision, 0 for a right one, or anything between
 * @throws `metrics/shape`, `metrics/not-finite`
 */
export function riskCoverage(uncertainty: ArrayLike<number>, errors: ArrayLike<number>): RiskCoverage {
  const count = errors.length
  if (count === 0 || uncertainty.length !== count) {
    throw new LookalikeError('metrics/shape', {
      problem: `${uncertainty.length} uncertainties came with ${count} decisions`,
      expected: 'one each, and at least one',
    })
  }
  for (let i = 0; i < count; i++) {
    if (!Number.isFinite(uncertainty[i]!) || !Number.isFinite(errors[i]!)) {
      throw new LookalikeError('metrics/not-finite', {
        problem: `Decision ${i} has the uncertainty ${uncertainty[i]} and the error ${errors[i]}`,
        expected: 'finite numbers',
      })
    }
  }
  const risk = curve(uncertainty, errors)
  const total = mean(Float64Array.from(errors))
  return {
    coverage: Float64Array.from(risk, (_, i) => (i + 1) / count),
    risk,
    aurc: mean(risk),
    oracleAurc: mean(curve(errors, errors)),
    randomAurc: total,
  }
}

function curve(uncertainty: ArrayLike<number>, errors: ArrayLike<number>): Float64Array {
  const count = errors.length
  const order = Int32Array.from({ length: count }, (_, i) => i).sort(
    (a, b) => uncertainty[a]! - uncertainty[b]! || a - b,
  )
  const risk = new Float64Array(count)
  let wrong = 0
  for (let start = 0; start < count; ) {
    let end = start
    let shared = 0
    while (end < count && uncertainty[order[end]!] === uncertainty[order[start]!]) shared += errors[order[end++]!]!
    for (let i = start; i < end; i++) risk[i] = (wrong + (shared * (i + 1 - start)) / (end - start)) / (i + 1)
    wrong += shared
    start = end
  }
  return risk
}

function mean(values: Float64Array): number {
  let sum = 0
  for (const value of values) sum += value
  return sum / values.length
}

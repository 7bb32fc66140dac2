import {
  createRandom,
  isLookalikeError,
  type OperationOptions,
  type Ranking,
  type TargetRisk,
  toWarning,
} from '@lookalike/core'
import { galleryThreshold } from '../metrics/gallery-threshold.js'
import { createRelevance, type Truth } from '../metrics/truth.js'

/**
 * Thresholds of an uncertainty that keep the share of wrong first results below each target ({@link galleryThreshold} states the
 * guarantee). Half of the queries that have a mate, drawn by the seed, calibrate; the others are counted.
 *
 * @param rankings one a query, as deep as what is kept of them
 * @returns one a target; without those that cannot be met, each of which is the warning `metrics/target`
 */
export function measureTargetRisks(
  rankings: readonly Ranking[],
  truth: Truth,
  uncertainty: Float32Array,
  targets: readonly number[],
  seed: number,
  { onWarning }: Pick<OperationOptions, 'onWarning'> = {},
): TargetRisk[] {
  const relevance = createRelevance(truth)
  const answerable = rankings.flatMap((_, query) => (relevance.relevantTo(query).length > 0 ? [query] : []))
  const order = createRandom(seed).fork('target risks').permutation(answerable.length)
  const half = Math.ceil(order.length / 2)
  const [calibrating, counted] = [order.slice(0, half), order.slice(half)].map((part) =>
    Array.from(part, (at) => answerable[at]!),
  ) as [number[], number[]]
  const first = (query: number, kept: (position: number) => boolean) => {
    const excluded = relevance.excludedFrom(query)
    return rankings[query]!.positions.find((position) => !excluded.has(position) && kept(position))
  }
  const errs = (query: number, kept: (position: number) => boolean) => {
    const right = relevance.relevantTo(query)
    if (!right.some(kept)) return false
    const found = first(query, kept)
    return found === undefined || !right.includes(found)
  }
  if (targets.length > 0 && !calibrating.some((query) => errs(query, () => true))) {
    onWarning?.({
      code: 'evaluate/no-calibration-errors',
      message: `All ${calibrating.length} queries that calibrate the target risks have a right first result: nothing tells where errors begin, so no image is rejected.`,
      fields: { queries: calibrating.length },
    })
  }
  const part: Truth = {
    ...truth,
    queryLabels: calibrating.map((query) => truth.queryLabels[query]!),
    own: truth.own && calibrating.map((query) => truth.own![query]!),
    querySequences: truth.querySequences && calibrating.map((query) => truth.querySequences![query]),
  }
  const lists = calibrating.map((query) => rankings[query]!)
  return targets.flatMap((target) => {
    const threshold = thresholdOr(() => galleryThreshold(lists, part, uncertainty, target), onWarning)
    if (threshold === undefined) return []
    const kept = (position: number) => uncertainty[position]! < threshold
    return {
      target,
      threshold: threshold === Infinity ? null : threshold,
      coverage: uncertainty.filter((value) => value < threshold).length / uncertainty.length,
      risk: counted.filter((query) => errs(query, kept)).length / Math.max(1, counted.length),
      unrestrictedRisk: counted.filter((query) => errs(query, () => true)).length / Math.max(1, counted.length),
    }
  })
}

/** A target that cannot be met costs its row, not the evaluation. */
function thresholdOr(find: () => number, onWarning: OperationOptions['onWarning']): number | undefined {
  try {
    return find()
  } catch (error) {
    if (!isLookalikeError(error, 'metrics/target')) throw error
    onWarning?.(toWarning(error))
    return undefined
  }
}

import { LookalikeError, nearestName } from '@lookalike/core'
import {
  averagePrecisionAtK,
  averagePrecisionAtR,
  omlAveragePrecisionAtK,
  omlPrecisionAtK,
  precisionAtK,
  recallAtK,
  reciprocalRank,
  rPrecision,
} from './rank-metrics.js'

/** A metric by name, for one query at a time. */
export interface RankMetric {
  readonly name: string
  /** Ranks it looks at, for a query with so many right answers. */
  depth(relevant: number): number
  /** In [0, 1]. */
  of(hits: Int32Array, relevant: number): number
}

type AtK = (hits: Int32Array, relevant: number, k: number) => number

/** Those that are cut off at k and have no meaning without it. */
const AT_K: Readonly<Record<string, AtK>> = {
  recall: recallAtK,
  cmc: recallAtK,
  precision: precisionAtK,
  map: averagePrecisionAtK,
  mrr: reciprocalRank,
  'oml.precision': omlPrecisionAtK,
  'oml.map': omlAveragePrecisionAtK,
}

/** Those whose depth follows from the query or the gallery. */
const WHOLE: Readonly<Record<string, Omit<RankMetric, 'name'>>> = {
  'map@r': { depth: (relevant) => relevant, of: averagePrecisionAtR },
  'r-precision': { depth: (relevant) => relevant, of: rPrecision },
  mrr: { depth: () => Infinity, of: (hits, relevant) => reciprocalRank(hits, relevant, Infinity) },
  'pml.map': { depth: () => Infinity, of: (hits, relevant) => averagePrecisionAtK(hits, relevant, Infinity) },
}

/**
 * A metric by its name: `recall@1`, `cmc@1`, `precision@5`, `map@5`, `mrr@10`, `map@r`, `r-precision`, `mrr`, and where
 * libraries differ `oml.precision@5`, `oml.map@5` and `pml.map` (over the whole gallery).
 *
 * @throws `metrics/unknown` with the nearest spelling.
 */
export function parseMetric(name: string): RankMetric {
  if (typeof name !== 'string') throw unknownMetric(String(name))
  const whole = WHOLE[name]
  if (whole) return { name, ...whole }
  const [, family = '', digits] = /^(.+)@([1-9]\d*)$/.exec(name) ?? []
  const atK = AT_K[family]
  if (atK) {
    const k = Number(digits)
    return { name, depth: () => k, of: (hits, relevant) => atK(hits, relevant, k) }
  }
  throw unknownMetric(name)
}

function unknownMetric(name: string): LookalikeError {
  const known = [...Object.keys(AT_K).map((key) => `${key}@k`), ...Object.keys(WHOLE)]
  const near = Object.hasOwn(AT_K, name) ? `${name}@1` : nearestName(name, known)
  return new LookalikeError(
    'metrics/unknown',
    {
      problem: Object.hasOwn(AT_K, name) ? `The metric "${name}" came without its k` : `There is no metric "${name}"`,
      expected: `one of ${known.join(', ')}, with a number from 1 for k`,
      fix: near === undefined ? undefined : `Did you mean "${near}"?`,
    },
    { fields: { name, known, nearest: near } },
  )
}

/** Names and cut-offs to metric names: `['recall', 'map@r']` and `[1, 8]` to `['recall@1', 'recall@8', 'map@r']`. */
export function metricNames(families: readonly string[], ks: readonly number[]): string[] {
  return families.flatMap((family) => {
    if (Object.hasOwn(WHOLE, family) || !Object.hasOwn(AT_K, family)) return [parseMetric(family).name]
    return ks.map((k) => parseMetric(`${family}@${k}`).name)
  })
}

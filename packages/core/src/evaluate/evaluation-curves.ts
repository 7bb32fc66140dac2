import type { Ranking } from '../contracts/ranking.js'
import type { Judgement } from '../metrics/judgement.js'
import { recallAtK } from '../metrics/rank-metrics.js'
import { riskCoverage } from '../metrics/risk-coverage.js'
import type { Curve } from './evaluation-result.js'

/** Points of a curve; longer ones are thinned. */
const POINTS = 100

/** Recall at every k up to `most`. */
export function recallCurve(name: string, judgement: Judgement, most: number): Curve {
  const ks = Array.from({ length: most }, (_, i) => i + 1)
  const recall = ks.map((k) => judgement.queries.reduce((sum, { hits, relevant }) => sum + recallAtK(hits, relevant, k), 0) / judgement.queries.length)
  return { name, x: { label: 'k', values: ks }, y: { label: 'recall@k', values: recall } }
}

/** Error at rank 1 among the queries whose first result is sure enough, as more and more gallery images are rejected. */
export function rejectionCurve(uncertainty: Float32Array, rankings: readonly Ranking[], judgement: Judgement): Curve {
  const answered = judgement.queries.filter(({ query }) => rankings[query]!.positions.length > 0)
  const { coverage, risk, aurc, randomAurc } = riskCoverage(
    answered.map(({ query }) => uncertainty[rankings[query]!.positions[0]!]!),
    answered.map(({ hits }) => (hits[0] === 1 ? 0 : 1)),
  )
  const shown = Array.from({ length: Math.min(POINTS, risk.length) }, (_, i) => Math.ceil(((i + 1) * risk.length) / Math.min(POINTS, risk.length)) - 1)
  return {
    name: `AURC ${aurc.toFixed(4)}, at random ${randomAurc.toFixed(4)}`,
    x: { label: 'share of first results kept', values: shown.map((i) => coverage[i]!) },
    y: { label: 'share of them wrong', values: shown.map((i) => risk[i]!) },
  }
}

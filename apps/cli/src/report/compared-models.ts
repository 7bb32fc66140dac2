import type { EvaluationResult, TargetRisk } from '@lookalike/core'
import { formatPercent, metricLabel } from '../terminal/format.js'
import { type Html, html } from './html.js'

/** Shares of the gallery kept, of those that were measured. */
const SHOWN = [1, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5]

/** The model and its baselines as a table. */
export function comparedModels({ comparison }: EvaluationResult): Html | false {
  if (!comparison) return false
  const names = Object.keys(comparison[0]!.metrics)
  const best = new Map(names.map((name) => [name, Math.max(...comparison.map(({ metrics }) => metrics[name]!))]))
  return html`<div class="scroll"><table><thead><tr><th>%</th><th>dimensions</th>${names.map((name) => html`<th>${metricLabel(name)}</th>`)}<th>ms a query</th></tr></thead>
<tbody>${comparison.map(({ name, dim, metrics, encodingMilliseconds, searchMilliseconds }) => html`<tr><td>${name}</td><td>${dim}</td>${names.map((metric) => html`<td class="${metrics[metric] === best.get(metric) ? 'best' : ''}">${formatPercent(metrics[metric]!)}</td>`)}<td>${(encodingMilliseconds + searchMilliseconds).toFixed(1)}</td></tr>`)}</tbody></table></div>`
}

/** What rejecting gallery images does to the error of the first result. */
export function rejection({ rejection: found }: EvaluationResult): Html | false {
  if (!found) return false
  const rows = SHOWN.flatMap((coverage) => {
    const at = found.coverage.findIndex((value) => Math.abs(value - coverage) < 1e-9)
    return at < 0 ? [] : [at]
  })
  const cell = (risk: readonly number[], at: number) => {
    const change = risk[0]! > 0 ? (risk[at]! - risk[0]!) / risk[0]! : 0
    return html`<td>${formatPercent(risk[at]!)}${at > 0 && html` <small>${change > 0 ? '+' : '−'}${formatPercent(Math.abs(change))}</small>`}</td>`
  }
  return html`<div class="scroll"><table><thead><tr><th>gallery kept, %</th><th>error at rank 1 where an answer is kept, %</th><th>at random</th><th>oracle</th><th>queries with an answer kept</th><th>error, the others as errors</th></tr></thead>
<tbody>${rows.map((at) => html`<tr><td>${formatPercent(found.coverage[at]!)}</td>${cell(found.risk, at)}${cell(found.randomRisk, at)}${cell(found.oracleRisk, at)}<td>${formatPercent(found.answerable[at]!)}</td>${cell(found.strictRisk, at)}</tr>`)}
<tr><td>AURC</td><td>${found.aurc.toFixed(4)}</td><td>${found.randomAurc.toFixed(4)}</td><td>${found.oracleAurc.toFixed(4)}</td><td></td><td></td></tr></tbody></table></div>${found.targets && targetTable(found.targets)}`
}

/** Thresholds by the risk that they were to keep. */
function targetTable(targets: readonly TargetRisk[]): Html {
  return html`<div class="scroll"><table><thead><tr><th>target: wrong first results, %</th><th>measured, %</th><th>nothing rejected, %</th><th>gallery kept, %</th><th>threshold of the uncertainty</th></tr></thead>
<tbody>${targets.map(({ target, risk, unrestrictedRisk, coverage, threshold }) => html`<tr><td>${formatPercent(target)}</td><td>${formatPercent(risk)}</td><td>${formatPercent(unrestrictedRisk)}</td><td>${formatPercent(coverage)}</td><td>${threshold === null ? 'none' : threshold.toPrecision(4)}</td></tr>`)}</tbody></table></div>
<p class="soft">Half of the queries chose the thresholds, the others were counted. Over such choices the measured share is at most the target in the mean.</p>`
}

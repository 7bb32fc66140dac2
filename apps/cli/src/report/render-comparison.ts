import path from 'node:path'
import type { Curve } from '@lookalike/core'
import { formatPercent, metricLabel } from '../terminal/format.js'
import { type ComparableRuns, comparableRuns, uncertainty } from './comparable-runs.js'
import { distinctMetrics } from './distinct-metrics.js'
import type { EvaluationJson } from './evaluation-json.js'
import { type Html, html } from './html.js'
import { lineCharts } from './line-chart.js'
import { page } from './page.js'

export interface Run {
  readonly folder: string
  readonly result: EvaluationJson
  readonly training: readonly Curve[]
}

/** Several runs on one page; figures are only compared within the same images of a dataset. */
export function renderComparison(runs: readonly Run[], folder: string): string {
  const sections = comparableRuns(runs).map((same) => comparison(same, folder))
  const training = runs.flatMap((run) => run.training.map((curve) => ({ ...curve, name: path.basename(run.folder) })))
  return page(
    'Runs',
    html`<header><h1>Runs</h1><p class="soft">${runs.length} evaluated ${runs.length === 1 ? 'run' : 'runs'}. In bold: the best of its column. Runs of other queries or images have a table of their own: their figures are no comparison.</p></header>
${sections}
${training.length > 0 && html`<section><h2>Training</h2>${lineCharts(training)}</section>`}
<footer>Written by Lookalike.</footer>`,
  )
}

function comparison(same: ComparableRuns<Run>, folder: string): Html {
  const { dataset, queries, gallery, runs } = same
  const unsure = uncertainty(same)
  const rows = runs.flatMap((run) =>
    run.result.stages.map((stage, i) => ({ run, stage, label: i === 0 ? '' : `+ ${stage.name}` })),
  )
  const present = new Set(rows.flatMap(({ stage }) => Object.keys(stage.metrics)))
  const distinct = new Set(rows.flatMap(({ stage }) => distinctMetrics([stage])))
  const names = [...present].filter((name) => distinct.has(name))
  const best = new Map(names.map((name) => [name, Math.max(...rows.map(({ stage }) => stage.metrics[name] ?? -1))]))
  const curves = rows.flatMap(({ run, stage, label }) =>
    run.result.curves
      .filter((curve) => curve.name === stage.name)
      .map((curve) => ({ ...curve, name: `${path.basename(run.folder)} ${label}`.trim() })),
  )
  return html`<section><h2>${dataset}: ${queries.toLocaleString('en')} queries in ${gallery.toLocaleString('en')} images</h2>
${unsure !== undefined && html`<p class="soft">${unsure}</p>`}
<div class="scroll dense"><table class="runs"><thead><tr><th>run</th><th>model</th>${names.map((name) => html`<th>${metricLabel(name)}</th>`)}<th>ms a query</th></tr></thead>
<tbody>${rows.map(({ run, stage, label }) => html`<tr><td><a href="${encodeURI(path.relative(folder, path.join(run.folder, 'report.html')))}">${path.basename(run.folder)}</a> ${label}</td><td data-label="model">${run.result.model.name}</td>${names.map((name) => html`<td data-label="${metricLabel(name)}" class="${rows.length > 1 && stage.metrics[name] === best.get(name) ? 'best' : ''}">${formatPercent(stage.metrics[name] ?? Number.NaN)}</td>`)}<td data-label="ms a query">${stage.millisecondsPerQuery.toFixed(2)}</td></tr>`)}</tbody></table></div>
${lineCharts(curves)}</section>`
}

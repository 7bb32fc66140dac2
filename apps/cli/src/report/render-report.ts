import type { Curve, EvaluationResult, ImageLimits, StageResult } from '@lookalike/core'
import { formatPercent, metricLabel } from '../terminal/format.js'
import { accuracyAndCost, type RunCosts } from './accuracy-and-cost.js'
import { comparedModels, rejection } from './compared-models.js'
import { distinctMetrics, explanation } from './distinct-metrics.js'
import { type Html, html } from './html.js'
import { lineCharts } from './line-chart.js'
import { page } from './page.js'
import { pictureOf, pictureRows } from './picture-rows.js'
import { createPictures } from './pictures.js'
import { highest, lowest, queryScores } from './rank-queries.js'

export interface ReportOptions {
  /** Best and worst queries shown, each. */
  readonly queries: number
  /** Results shown of each query. */
  readonly results: number
  /** How the pictures are read. */
  readonly images?: ImageLimits | undefined
  /** Curves of the run's training log. */
  readonly training: readonly Curve[]
  /** What trainings within a budget measured. */
  readonly costs: readonly RunCosts[]
}

/** An evaluation as one page: figures, curves, and pictures of what went well and what did not. */
export async function renderReport(result: EvaluationResult, options: ReportOptions): Promise<string> {
  const pictures = createPictures(undefined, options.images)
  const last = result.stages.at(-1)!
  const scores = queryScores(result, last.rankings)
  const rows = (of: readonly number[], stages: readonly StageResult[] = [last]) =>
    pictureRows(result, of, stages, options.results, pictures)
  const sections = [
    header(result),
    cards(result),
    metricsTable(result),
    section(
      'Against baselines',
      'The first row is the model of this report, by itself without rerankers. In bold: the best of its column. Time: from an image to its vector plus the search, on this machine.',
      comparedModels(result),
    ),
    section(
      'Accuracy against cost',
      'Of the training within a budget, on its validation images, which look for each other. Multiplications of matrix products and convolutions for one query image; the file with 32-bit weights; from pixels to vector on the machine that trained.',
      accuracyAndCost(options.costs),
    ),
    categories(result),
    section('Curves', '', result.curves.length > 0 && lineCharts(result.curves)),
    section(
      'Queries that went worst',
      'A solid green frame with ✓ is right, a dashed red one with ✗ is wrong; under each result its rank and distance, and its class where it is wrong. The worst query of each class comes first, then others.',
      await rows(lowest(scores, result.queries, options.queries)),
    ),
    section('Queries that went best', '', await rows(highest(scores, result.queries, options.queries))),
    ...(await rerankSections(result, options, rows)),
    section(
      'Rejecting gallery images',
      'The least sure images are left out of the results. A query whose right answers are all left out is no error of those that stay; in the last column it counts as one.',
      rejection(result),
    ),
    await uncertain(result, options.queries * 3, pictures),
    section('Training', 'From the log of the run.', options.training.length > 0 && lineCharts(options.training)),
    warnings(result),
    html`<footer>Written by Lookalike. Scores of queries are average precisions over their first R results, R being the number of right answers.</footer>`,
  ]
  return page(`${result.name}: ${result.dataset}`, html`${sections}`)
}

function section(title: string, text: string, content: Html | false): Html | undefined {
  if (content === false || content.toString() === '') return undefined
  return html`<section><h2>${title}</h2>${text && html`<p class="soft">${text}</p>`}${content}</section>`
}

function header(result: EvaluationResult): Html {
  const when = new Date(result.finishedAt).toISOString().replace('T', ' ').slice(0, 16)
  return html`<header><h1>${result.name}</h1>
<p class="soft">${result.model.name} (${result.model.dim} dimensions) on ${result.dataset}: ${result.queries.length.toLocaleString('en')} queries in ${result.gallery.length.toLocaleString('en')} images. ${when} UTC</p>
<p><small>Space <code>${result.model.space}</code></small></p></header>`
}

function cards(result: EvaluationResult): Html {
  const first = result.stages[0]!
  const last = result.stages.at(-1)!
  const names = Object.keys(first.metrics)
  const wanted = [
    'recall@1',
    names.findLast((name) => name.startsWith('recall@') && name !== 'recall@1'),
    'map@r',
    'mrr',
    'triplet-accuracy',
  ]
  const shown = wanted.filter((name): name is string => name !== undefined && name in last.metrics)
  return html`<div class="cards">${shown.map((name) => {
    const change = last === first ? undefined : last.metrics[name]! - first.metrics[name]!
    return html`<div class="card"><small>${metricLabel(name)}</small><b>${formatPercent(last.metrics[name]!)}<span>%</span></b>${change !== undefined && html`<small>${delta(change)} by reranking</small>`}</div>`
  })}</div>`
}

function delta(change: number): Html {
  if (Math.abs(change) < 0.0005) return html`<span>±0.0</span>`
  return html`<span class="${change > 0 ? 'up' : 'down'}">${change > 0 ? '▲ +' : '▼ −'}${formatPercent(Math.abs(change))}</span>`
}

function metricsTable(result: EvaluationResult): Html | undefined {
  const { stages } = result
  const names = distinctMetrics(stages)
  const cells = (name: string) =>
    stages.map(({ metrics }, i) => {
      const before = stages[i - 1]?.metrics[name]
      return html`<td>${formatPercent(metrics[name]!)}${before !== undefined && html` &nbsp;${delta(metrics[name]! - before)}`}</td>`
    })
  const table = html`<div class="scroll"><table>
<thead><tr><th>%</th>${stages.map(({ name }, i) => html`<th>${i === 0 ? name : `+ ${name}`}</th>`)}</tr></thead>
<tbody>${names.map((name) => html`<tr><td>${metricLabel(name)}</td>${cells(name)}</tr>`)}
<tr><td>ms a query</td>${stages.map(({ millisecondsPerQuery }) => html`<td>${millisecondsPerQuery.toFixed(2)}</td>`)}</tr></tbody></table></div>`
  return section(
    'Figures',
    [
      stages.length > 1
        ? 'Each column adds a reranker to the one before it; the change is against the column before.'
        : '',
      explanation(names) ?? '',
    ].join(' '),
    table,
  )
}

function categories(result: EvaluationResult): Html | undefined {
  const last = result.stages.at(-1)!
  const names = Object.keys(last.categories)
  if (names.length < 2) return undefined
  const metrics = Object.keys(last.categories[names[0]!]!).filter(
    (name) => name === 'recall@1' || name === 'map@r' || name === 'mrr',
  )
  const [main] = metrics
  if (main === undefined) return undefined
  const sorted = [...names].sort((a, b) => last.categories[a]![main]! - last.categories[b]![main]! || (a < b ? -1 : 1))
  const row = (name: string) =>
    html`<tr><td>${name}</td>${metrics.map((metric, i) => {
      const value = last.categories[name]![metric]!
      return html`<td>${i === 0 && html`<span class="bar" style="width:${Math.round(value * 110)}px"></span>`}${formatPercent(value)}</td>`
    })}</tr>`
  const table = (part: readonly string[]) =>
    html`<div class="scroll"><table><thead><tr><th>category</th>${metrics.map((metric) => html`<th>${metricLabel(metric)}, %</th>`)}</tr></thead><tbody>${part.map(row)}</tbody></table></div>`
  const shown = 20
  const more =
    sorted.length > shown &&
    html`<details><summary>${sorted.length - shown} more categories</summary>${table(sorted.slice(shown))}</details>`
  return section('Categories', 'Weakest first.', html`${table(sorted.slice(0, shown))}${more}`)
}

async function rerankSections(
  result: EvaluationResult,
  options: ReportOptions,
  rows: (of: readonly number[], stages: readonly StageResult[]) => Promise<Html>,
): Promise<(Html | undefined)[]> {
  const sections: (Html | undefined)[] = []
  for (const [i, stage] of result.stages.entries()) {
    const before = result.stages[i - 1]
    if (!before) continue
    const was = queryScores(result, before.rankings)
    const is = queryScores(result, stage.rankings)
    const change = is.map((score, row) => score - was[row]!)
    const changed = (wanted: number[], sign: number) => wanted.filter((row) => change[row]! * sign > 0)
    const lost = changed(lowest(change, result.queries, options.queries), -1)
    const won = changed(highest(change, result.queries, options.queries), 1)
    const counted = `${change.filter((value) => value > 0).length} queries got better, ${change.filter((value) => value < 0).length} worse.`
    sections.push(
      section(
        `Gained most by ${stage.name}`,
        `${counted} Above: ${before.name}. Below: ${stage.name}.`,
        won.length > 0 && (await rows(won, [before, stage])),
      ),
    )
    sections.push(section(`Lost most by ${stage.name}`, '', lost.length > 0 && (await rows(lost, [before, stage]))))
  }
  return sections
}

async function uncertain(
  result: EvaluationResult,
  count: number,
  pictures: ReturnType<typeof createPictures>,
): Promise<Html | undefined> {
  const { uncertainty } = result
  if (!uncertainty) return undefined
  const parts: Html[] = []
  for (const position of highest(uncertainty, result.gallery, count)) {
    const item = result.gallery[position]!
    parts.push(await pictureOf(pictures, item, `${item.label} · ${uncertainty[position]!.toFixed(3)}`))
  }
  return section(
    'Least certain gallery images',
    'Under each picture its label and its uncertainty.',
    html`<div class="grid">${parts}</div>`,
  )
}

function warnings(result: EvaluationResult): Html | undefined {
  if (result.warnings.length === 0) return undefined
  const shown = 50
  const items = result.warnings
    .slice(0, shown)
    .map(({ code, message }) => html`<li>${message} <small><code>${code}</code></small></li>`)
  return section(
    'Warnings',
    '',
    html`<ul class="warnings">${items}</ul>${result.warnings.length > shown && html`<p class="soft">and ${result.warnings.length - shown} more</p>`}`,
  )
}

import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Curve, ModelCost } from '@lookalike/core'
import { formatPercent, metricLabel } from '../terminal/format.js'
import { type Html, html } from './html.js'
import { lineChart } from './line-chart.js'

const FILE = 'costs.json'

export interface RunCosts {
  /** The stage; empty for the run itself. */
  readonly stage: string
  readonly costs: readonly ModelCost[]
}

/** What trainings within a budget wrote: of the run, and of its stages. */
export async function readCosts(folder: string): Promise<RunCosts[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const stages = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  const found: RunCosts[] = []
  for (const stage of ['', ...stages.sort()]) {
    const text = await readFile(path.join(folder, stage, FILE), 'utf8').catch(() => undefined)
    // A query model's own table is part of its run's.
    if (text !== undefined && !(stage === 'query' && found.length > 0))
      found.push({ stage, costs: JSON.parse(text) as ModelCost[] })
  }
  return found
}

/** Accuracy against cost, as a table and as points. */
export function accuracyAndCost(runs: readonly RunCosts[]): Html | false {
  if (runs.length === 0) return false
  return html`${runs.map(({ stage, costs }) => html`${stage && html`<h3>${stage}</h3>`}${table(costs)}${chart(costs)}`)}`
}

export const costHead = ['million multiplications', 'kB', 'ms an image']

/** The figures of `costHead`, for people. */
export const costCells = ({ millionMultiplications, bytes, milliseconds }: ModelCost) => [
  millionMultiplications?.toFixed(1) ?? '',
  bytes === undefined ? '' : Math.round(bytes / 1000).toLocaleString('en'),
  milliseconds?.toFixed(1) ?? '',
]

function table(costs: readonly ModelCost[]): Html {
  const figures = metricsOf(costs)
  return html`<div class="scroll"><table><thead><tr><th>model</th>${figures.map((name) => html`<th>${metricLabel(name)}, %</th>`)}${costHead.map((name) => html`<th>${name}</th>`)}</tr></thead>
<tbody>${costs.map((cost) => html`<tr><td>${cost.name}</td>${figures.map((name) => html`<td>${name in cost.metrics ? formatPercent(cost.metrics[name]!) : ''}</td>`)}${costCells(cost).map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody></table></div>`
}

export const metricsOf = (costs: readonly ModelCost[]) => [
  ...new Set(costs.flatMap(({ metrics }) => Object.keys(metrics))),
]

function chart(costs: readonly ModelCost[]): Html | false {
  const curves = costs.flatMap(({ name, metrics, millionMultiplications }): Curve[] =>
    millionMultiplications === undefined || metrics['recall@1'] === undefined
      ? []
      : [
          {
            name,
            x: { label: 'million multiplications', values: [millionMultiplications] },
            y: { label: 'recall@1, %', values: [100 * metrics['recall@1']] },
          },
        ],
  )
  return curves.length > 1 && html`<div class="charts">${lineChart(curves)}</div>`
}

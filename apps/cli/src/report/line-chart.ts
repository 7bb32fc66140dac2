import type { Curve } from '@lookalike/core'
import { scaleLinear } from 'd3-scale'
import { line } from 'd3-shape'
import { type Html, html } from './html.js'

const WIDTH = 460
const HEIGHT = 250
const MARGIN = { top: 12, right: 16, bottom: 40 }
/** Of the label of the axis, and of a character of its figures. */
const LABEL = 26
const CHARACTER = 7
/** Lines differ in dashes too, for print and for eyes that see no difference in colour. */
const DASHES = ['', '7 4', '2 3', '9 3 2 3', '12 5', '1 5']

/** Curves of the same axes as one chart. */
export function lineChart(curves: readonly Curve[]): Html {
  const [first] = curves
  if (!first) return html``
  const xs = curves.flatMap(({ x }) => x.values)
  const ys = curves.flatMap(({ y }) => y.values).filter(Number.isFinite)
  const y = scaleLinear()
    .domain(extent(ys))
    .nice(5)
    .range([HEIGHT - MARGIN.bottom, MARGIN.top])
  const left = LABEL + CHARACTER * y.ticks(5).reduce((most, tick) => Math.max(most, tickText(tick).length), 0)
  const x = scaleLinear()
    .domain(extent(xs))
    .range([left, WIDTH - MARGIN.right])
  const path = line<number>().defined((i) => Number.isFinite(i))
  const draw = (curve: Curve, number: number) => {
    const points = curve.x.values
      .map((value, i) => [x(value), y(curve.y.values[i]!)] as const)
      .filter((point) => point.every(Number.isFinite))
    const d = path.x((i) => points[i]![0]).y((i) => points[i]![1])(points.map((_, i) => i)) ?? ''
    const dots =
      points.length <= 24
        ? points.map(([px, py]) => html`<circle cx="${px.toFixed(1)}" cy="${py.toFixed(1)}" r="2.6"/>`)
        : ''
    return html`<g class="s${number % 6}"><path d="${d}" stroke-dasharray="${DASHES[number % 6]}"/>${dots}</g>`
  }
  const legend =
    curves.length > 1
      ? html`<ul class="legend">${curves.map(({ name }, i) => html`<li><svg width="26" height="8" class="s${i % 6}"><path d="M1 4H25" stroke-dasharray="${DASHES[i % 6]}"/></svg>${name}</li>`)}</ul>`
      : ''
  return html`<figure class="chart">
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${first.y.label} by ${first.x.label}">
      ${y.ticks(5).map((tick) => html`<g class="tick"><line x1="${left}" x2="${WIDTH - MARGIN.right}" y1="${y(tick)}" y2="${y(tick)}"/><text x="${left - 8}" y="${y(tick)}" dy="0.32em" text-anchor="end">${tickText(tick)}</text></g>`)}
      ${x.ticks(6).map((tick) => html`<text class="tick" x="${x(tick)}" y="${HEIGHT - MARGIN.bottom + 18}" text-anchor="middle">${tickText(tick)}</text>`)}
      <text class="label" x="${(left + WIDTH - MARGIN.right) / 2}" y="${HEIGHT - 4}" text-anchor="middle">${first.x.label}</text>
      <text class="label" transform="translate(12 ${(HEIGHT - MARGIN.bottom + MARGIN.top) / 2}) rotate(-90)" text-anchor="middle">${first.y.label}</text>
      ${curves.map(draw)}
    </svg>
    ${legend}
  </figure>`
}

/** Curves sorted into charts: those with the same axes share one. */
export function lineCharts(curves: readonly Curve[]): Html {
  const charts = new Map<string, Curve[]>()
  for (const curve of curves) {
    const key = `${curve.x.label}\n${curve.y.label}`
    charts.set(key, [...(charts.get(key) ?? []), curve])
  }
  return html`<div class="charts">${[...charts.values()].map(lineChart)}</div>`
}

function extent(values: readonly number[]): [number, number] {
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  for (const value of values) {
    low = Math.min(low, value)
    high = Math.max(high, value)
  }
  if (low > high) return [0, 1]
  if (low < high) return [low, high]
  return low >= 0 && low <= 1 ? [0, 1] : [low - 0.5, low + 0.5]
}

function tickText(value: number): string {
  return Math.abs(value) >= 10_000 || (value !== 0 && Math.abs(value) < 0.001)
    ? value.toExponential(0)
    : String(Number(value.toPrecision(4)))
}

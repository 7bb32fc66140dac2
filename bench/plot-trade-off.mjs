/**
 * The trade-off of late fusion as a picture: CMC@1 against milliseconds a query, from the lines that rerank-emoji.mjs appended.
 *
 *     node bench/plot-trade-off.mjs results.jsonl bench/results/trade-off.svg
 */
import { readFile, writeFile } from 'node:fs/promises'
import { mean } from './lib/seeds.mjs'

const [source, target] = process.argv.slice(2)
const lines = (await readFile(source, 'utf8'))
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line))
const named = (name) => lines.filter(({ reranker }) => reranker === name)
const of = (rows, key) => mean(rows.map((row) => row[key]))
const fusions = [...new Set(lines.flatMap(({ reranker }) => /^stir, fusion (\d+)$/.exec(reranker)?.[1] ?? []))]
  .map(Number)
  .sort((a, b) => a - b)
const points = fusions.map((fusion) => ({
  fusion,
  x: of(named(`stir, fusion ${fusion}`), 'ms/query'),
  y: of(named(`stir, fusion ${fusion}`), 'CMC@1'),
}))
const base = of(named('stage 1'), 'CMC@1')

const [width, height, left, bottom, top, right] = [640, 360, 60, 50, 20, 30]
const xs = points.map(({ x }) => x)
const ys = [...points.map(({ y }) => y), base]
const [x0, x1] = [0, Math.max(...xs) * 1.25]
const [y0, y1] = [Math.floor(Math.min(...ys)) - 1, Math.ceil(Math.max(...ys)) + 1]
const px = (x) => left + ((x - x0) / (x1 - x0)) * (width - left - right)
const py = (y) => height - bottom - ((y - y0) / (y1 - y0)) * (height - bottom - top)
const step = (span, count) =>
  [1, 2, 5, 10, 20, 50]
    .map((one) => one * 10 ** Math.floor(Math.log10(span / count)))
    .find((one) => span / one <= count)
const ticks = (from, to, count) => {
  const by = step(to - from, count)
  return Array.from(
    { length: Math.floor(to / by) - Math.ceil(from / by) + 1 },
    (_, i) => +((Math.ceil(from / by) + i) * by).toFixed(6),
  )
}
const text = (x, y, content, anchor = 'middle') =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${content}</text>`
const line = (xa, ya, xb, yb, style) =>
  `<line x1="${xa.toFixed(1)}" y1="${ya.toFixed(1)}" x2="${xb.toFixed(1)}" y2="${yb.toFixed(1)}" ${style}/>`
const grid = 'stroke="#ddd"'
await writeFile(
  target,
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" fill="#333">
<title>CMC@1 against milliseconds a query for fusion after block m</title>
<rect width="${width}" height="${height}" fill="#fff"/>
${ticks(x0, x1, 8)
  .map((x) => line(px(x), top, px(x), height - bottom, grid) + text(px(x), height - bottom + 16, x))
  .join('\n')}
${ticks(y0, y1, 7)
  .map((y) => line(left, py(y), width - right, py(y), grid) + text(left - 8, py(y) + 4, y, 'end'))
  .join('\n')}
${line(left, py(base), width - right, py(base), 'stroke="#c33" stroke-dasharray="5 4"')}
${text(width - right, py(base) - 6, 'stage 1', 'end')}
<polyline fill="none" stroke="#26c" stroke-width="1.5" points="${points.map(({ x, y }) => `${px(x).toFixed(1)},${py(y).toFixed(1)}`).join(' ')}"/>
${points.map(({ fusion, x, y }) => `<circle cx="${px(x).toFixed(1)}" cy="${py(y).toFixed(1)}" r="4" fill="#26c"/>${text(px(x) + 8, py(y) - 8, `m = ${fusion}${fusion === 0 ? ' (paper)' : ''}`, 'start')}`).join('\n')}
${text((left + width - right) / 2, height - 12, 'milliseconds a query')}
<text transform="translate(16 ${(top + height - bottom) / 2}) rotate(-90)" text-anchor="middle">CMC@1, %</text>
</svg>
`,
)

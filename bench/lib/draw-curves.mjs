const COLOURS = ['#1f77b4', '#d62728', '#2ca02c', '#9467bd']

/**
 * A line chart as SVG: of each series all its lines, one a seed, in one colour.
 *
 * @param series `[{ label, lines: [[[x, y], ...], ...] }]`
 */
export function drawCurves(series, { x, y }) {
  const [width, height, left, top, right, bottom] = [640, 360, 60, 16, 16, 46]
  const points = series.flatMap(({ lines }) => lines.flat())
  const span = (at) => [Math.min(...points.map((point) => point[at])), Math.max(...points.map((point) => point[at]))]
  const [xMin, xMax] = span(0)
  const [low, high] = span(1)
  const [yMin, yMax] = [Math.floor(low * 10) / 10, Math.ceil(high * 10) / 10]
  const px = (value) => (left + ((value - xMin) / (xMax - xMin || 1)) * (width - left - right)).toFixed(1)
  const py = (value) => (height - bottom - ((value - yMin) / (yMax - yMin || 1)) * (height - top - bottom)).toFixed(1)
  const ticks = (from, to, count) => Array.from({ length: count + 1 }, (_, i) => from + ((to - from) * i) / count)
  const text = (at, up, content, rest = '') => `<text x="${at}" y="${up}" ${rest}>${content}</text>`
  const parts = [
    ...ticks(yMin, yMax, Math.round((yMax - yMin) * 10)).map(
      (value) =>
        `<line x1="${left}" x2="${width - right}" y1="${py(value)}" y2="${py(value)}" stroke="#ddd"/>${text(left - 8, Number(py(value)) + 4, value.toFixed(1), 'text-anchor="end"')}`,
    ),
    ...ticks(xMin, xMax, 5).map((value) =>
      text(px(value), height - bottom + 18, Math.round(value), 'text-anchor="middle"'),
    ),
    text((left + width - right) / 2, height - 8, x, 'text-anchor="middle"'),
    text(
      16,
      (top + height - bottom) / 2,
      y,
      `text-anchor="middle" transform="rotate(-90 16 ${(top + height - bottom) / 2})"`,
    ),
    ...series.flatMap(({ lines }, i) =>
      lines.map(
        (line) =>
          `<polyline fill="none" stroke="${COLOURS[i % COLOURS.length]}" stroke-width="1.5" stroke-opacity="0.8" points="${line.map((point) => `${px(point[0])},${py(point[1])}`).join(' ')}"/>`,
      ),
    ),
    ...series.map(({ label }, i) =>
      text(
        left + 16,
        top + 20 + 18 * i,
        label,
        `fill="${COLOURS[i % COLOURS.length]}" stroke="white" stroke-width="4" paint-order="stroke"`,
      ),
    ),
  ]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">\n<rect width="${width}" height="${height}" fill="white"/>\n${parts.join('\n')}\n</svg>\n`
}

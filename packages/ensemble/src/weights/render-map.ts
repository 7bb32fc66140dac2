import { type CredibilityMap, weightsAt } from './fit-credibility-map.js'
import { planar, type Weights } from './fit-weights.js'

const COLOURS = [
  '#3b6fb6',
  '#d97a28',
  '#4d9a50',
  '#c0413b',
  '#8466b0',
  '#8a6149',
  '#cf6fb1',
  '#2f8f9d',
  '#a7a52d',
  '#5b6470',
]
const NOBODY = '#e4e6ea'
const SIZE = 640
const MARGIN = 44
const LEGEND = 300

/**
 * The map as SVG: areas and references in the colour of the member that is trusted most there, the stronger the more it is; grey where no reference
 * is near and all count the same. The legend counts the references that trust each member most.
 *
 * @param references features of the validation references, as the weights look at them
 */
export function renderMap(
  weights: Extract<Weights, { kind: 'credibility-map' }>,
  references: Float32Array,
  members: readonly string[],
): string {
  const { map, pca } = weights
  const [minX, maxX, minY, maxY] = map.range
  const left = (x: number) => MARGIN + ((x - minX) / (maxX - minX || 1)) * SIZE
  const top = (y: number) => MARGIN + SIZE - ((y - minY) / (maxY - minY || 1)) * SIZE
  const points = planar(pca, references)
  const trusted = Array.from({ length: points.length / 2 }, (_, r) =>
    mostTrusted(weightsAt(map, points[2 * r]!, points[2 * r + 1]!)),
  )
  const dots = trusted.map(
    ({ member }, r) =>
      `<circle cx="${round(left(points[2 * r]!))}" cy="${round(top(points[2 * r + 1]!))}" r="5" fill="${colourOf(member)}"/>`,
  )
  const counts = members.map((_, k) => trusted.filter(({ member }) => member === k).length)
  const order = members.map((_, k) => k).sort((a, b) => counts[b]! - counts[a]! || a - b)
  const width = SIZE + 2 * MARGIN
  const line = (at: number, colour: string, text: string) =>
    `<rect x="${width + 8}" y="${MARGIN + 42 + 24 * at}" width="14" height="14" rx="3" fill="${colour}"/><text x="${width + 30}" y="${MARGIN + 54 + 24 * at}">${text}</text>`
  const legend = [
    ...order.map((k, at) => line(at, colourOf(k), `${escape(members[k]!)} <tspan fill="#70757e">${counts[k]}</tspan>`)),
    line(order.length, NOBODY, '<tspan fill="#70757e">no reference near: all alike</tspan>'),
  ]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width + LEGEND} ${width}" font-family="system-ui, sans-serif" font-size="14" fill="#22252a">`,
    `<title>Which member is trusted where</title><rect width="100%" height="100%" fill="#fff"/>`,
    `<rect x="${MARGIN}" y="${MARGIN}" width="${SIZE}" height="${SIZE}" fill="${NOBODY}"/>`,
    `<g shape-rendering="crispEdges">${cells(map).join('')}</g>`,
    `<g stroke="#fff" stroke-width="1.5">${dots.join('')}</g>`,
    `<text x="${MARGIN}" y="${MARGIN - 16}" font-size="16" font-weight="600">Which member is trusted where</text>`,
    `<g fill="#70757e"><text x="${MARGIN + SIZE / 2}" y="${width - 14}" text-anchor="middle">first principal component of the references</text>`,
    `<text transform="translate(${MARGIN - 16} ${MARGIN + SIZE / 2}) rotate(-90)" text-anchor="middle">second principal component</text></g>`,
    `<text x="${width + 8}" y="${MARGIN + 14}" font-weight="600">Member <tspan fill="#70757e" font-weight="400">references that trust it most</tspan></text>`,
    `${legend.join('')}</svg>\n`,
  ].join('\n')
}

interface Trust {
  /** -1 where all count the same. */
  readonly member: number
  /** Its weight, 0 to 1. */
  readonly weight: number
}

function mostTrusted(weights: Float32Array): Trust {
  if (weights.length > 1 && weights.every((value) => value === weights[0])) return { member: -1, weight: 0 }
  const weight = Math.max(...weights)
  return { member: weights.indexOf(weight), weight }
}

/** Cells as bars: neighbours of one colour along x are drawn as one. */
function cells({ grid, members, weights }: CredibilityMap): string[] {
  const size = SIZE / grid
  const bars: string[] = []
  for (let y = 0; y < grid; y++) {
    let from = 0
    let drawn: string | undefined
    for (let x = 0; x <= grid; x++) {
      const trust =
        x < grid ? mostTrusted(weights.subarray((x * grid + y) * members, (x * grid + y + 1) * members)) : undefined
      const look =
        trust && trust.member >= 0
          ? `fill="${colourOf(trust.member)}" fill-opacity="${(0.2 + 0.4 * trust.weight).toFixed(2)}"`
          : undefined
      if (look === drawn) continue
      if (drawn)
        bars.push(
          `<rect x="${round(MARGIN + from * size)}" y="${round(MARGIN + SIZE - (y + 1) * size)}" width="${round((x - from) * size)}" height="${round(size)}" ${drawn}/>`,
        )
      ;[from, drawn] = [x, look]
    }
  }
  return bars
}

function colourOf(member: number): string {
  return member < 0 ? '#9aa0a8' : COLOURS[member % COLOURS.length]!
}

function round(value: number): string {
  return String(Number(value.toFixed(2)))
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

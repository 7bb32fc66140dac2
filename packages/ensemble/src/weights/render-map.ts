import { planar, type Weights } from './fit-weights.js'
import { weightsAt } from './fit-credibility-map.js'

const COLOURS = ['#3b6fb6', '#d97a28', '#4d9a50', '#c0413b', '#8466b0', '#8a6149', '#cf6fb1', '#6f7680', '#a7a52d', '#2fa3b5']
const SIZE = 640
/** Cells of the drawing; the map itself is finer. */
const TILES = 50

/** The map as SVG: areas and references in the colour of the member that is trusted most there; grey where all count the same. */
export function renderMap(weights: Extract<Weights, { kind: 'credibility-map' }>, references: Float32Array, members: readonly string[]): string {
  const { map, pca } = weights
  const [minX, maxX, minY, maxY] = map.range
  const colourAt = (x: number, y: number) => {
    const own = weightsAt(map, x, y)
    const best = own.indexOf(Math.max(...own))
    return own.every((value) => value === own[0]) ? '#c9ccd1' : COLOURS[best % COLOURS.length]!
  }
  const tile = SIZE / TILES
  const tiles = Array.from({ length: TILES * TILES }, (_, at) => {
    const [i, j] = [at % TILES, Math.floor(at / TILES)]
    const colour = colourAt(minX + ((i + 0.5) / TILES) * (maxX - minX), minY + ((j + 0.5) / TILES) * (maxY - minY))
    return `<rect x="${round(i * tile)}" y="${round(SIZE - (j + 1) * tile)}" width="${round(tile)}" height="${round(tile)}" fill="${colour}"/>`
  })
  const points = planar(pca, references)
  const dots = Array.from({ length: points.length / 2 }, (_, r) => {
    const [x, y] = [points[2 * r]!, points[2 * r + 1]!]
    const [left, top] = [((x - minX) / (maxX - minX || 1)) * SIZE, SIZE - ((y - minY) / (maxY - minY || 1)) * SIZE]
    return `<circle cx="${round(left)}" cy="${round(top)}" r="4" fill="${colourAt(x, y)}" stroke="#fff"/>`
  })
  const legend = members.map((name, k) => {
    const top = 20 + 22 * k
    return `<rect x="${SIZE + 16}" y="${top - 11}" width="14" height="14" fill="${COLOURS[k % COLOURS.length]}"/><text x="${SIZE + 38}" y="${top + 1}">${escape(name)}</text>`
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIZE + 220} ${SIZE}" font-family="system-ui, sans-serif" font-size="14">`,
    `<title>Which member is trusted where</title><g opacity="0.35">${tiles.join('')}</g>${dots.join('')}${legend.join('')}</svg>\n`,
  ].join('\n')
}

function round(value: number): string {
  return value.toFixed(1)
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

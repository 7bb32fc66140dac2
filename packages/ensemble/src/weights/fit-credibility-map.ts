/** The map of trust of Liao & Chen (KDD 2024, arXiv 2401.07951), over two principal components of the references. */
export type MapMode = 'threshold' | 'average' | 'max'

export interface MapOptions {
  /** Cells a side. Paper: 200. */
  readonly grid: number
  /** Cells a side of the window around a cell, `[i - window/2, i + window/2)`. Paper: 10. */
  readonly window: number
  /** `threshold`: members above it by their accuracy, if none the best alone; `average`: all by their accuracy; `max`: the best alone. */
  readonly mode: MapMode
  /** Accuracy, 0 to 1. Paper: 0.75. */
  readonly threshold: number
}

/** The paper's. */
export const MAP_OPTIONS: MapOptions = { grid: 200, window: 10, mode: 'threshold', threshold: 0.75 }

export interface CredibilityMap {
  readonly grid: number
  readonly members: number
  /** The points' range: smallest and largest first and second coordinate. */
  readonly range: readonly [minX: number, maxX: number, minY: number, maxY: number]
  /** `[grid, grid, members]`: x, y, member; each cell sums to 1. */
  readonly weights: Float32Array
}

/**
 * @param points `[references, 2]`, row-major
 * @param accuracies acc_k(r): `[references, members]`, row-major, each 0 to 1
 */
export function fitCredibilityMap(
  points: Float32Array,
  accuracies: Float32Array,
  members: number,
  options: MapOptions = MAP_OPTIONS,
): CredibilityMap {
  const { grid, window } = options
  const references = points.length / 2
  const range = rangeOf(points)
  // Sums over rectangles from the origin make each window four look-ups.
  const side = grid + 1
  const width = members + 1
  const sums = new Float64Array(side * side * width)
  for (let r = 0; r < references; r++) {
    const [x, y] = cellOf(range, grid, points[2 * r]!, points[2 * r + 1]!)
    const at = ((x + 1) * side + y + 1) * width
    sums[at + members]! += 1
    for (let k = 0; k < members; k++) sums[at + k]! += accuracies[r * members + k]!
  }
  for (let x = 1; x < side; x++) {
    for (let y = 1; y < side; y++) {
      const [here, left, below, corner] = [x * side + y, (x - 1) * side + y, x * side + y - 1, (x - 1) * side + y - 1]
      for (let k = 0; k < width; k++)
        sums[here * width + k]! += sums[left * width + k]! + sums[below * width + k]! - sums[corner * width + k]!
    }
  }
  const weights = new Float32Array(grid * grid * members)
  const half = Math.floor(window / 2)
  const mean = new Float64Array(members)
  for (let x = 0; x < grid; x++) {
    for (let y = 0; y < grid; y++) {
      const [x0, x1] = [Math.max(0, x - half), Math.min(grid, x - half + window)]
      const [y0, y1] = [Math.max(0, y - half), Math.min(grid, y - half + window)]
      const total = (k: number) =>
        sums[(x1 * side + y1) * width + k]! -
        sums[(x0 * side + y1) * width + k]! -
        sums[(x1 * side + y0) * width + k]! +
        sums[(x0 * side + y0) * width + k]!
      const count = Math.round(total(members))
      for (let k = 0; k < members; k++) mean[k] = count === 0 ? 0 : total(k) / count
      weights.set(
        count === 0 ? new Float64Array(members).fill(1 / members) : weigh(mean, options),
        (x * grid + y) * members,
      )
    }
  }
  return { grid, members, range, weights }
}

/** Weights at a point; points outside the range go to the edge. */
export function weightsAt({ grid, members, range, weights }: CredibilityMap, x: number, y: number): Float32Array {
  const [i, j] = cellOf(range, grid, x, y)
  return weights.slice((i * grid + j) * members, (i * grid + j + 1) * members)
}

/** The members' weights, from their accuracies around a cell. */
export function weigh(
  accuracies: Float64Array,
  { mode, threshold }: Pick<MapOptions, 'mode' | 'threshold'>,
): Float64Array {
  const best = accuracies.indexOf(Math.max(...accuracies))
  const trusted = accuracies.map((accuracy, k) => {
    if (mode === 'average') return accuracy
    if (mode === 'max') return k === best ? 1 : 0
    return accuracy > threshold ? accuracy : 0
  })
  let sum = trusted.reduce((total, value) => total + value, 0)
  if (sum === 0) {
    trusted[best] = 1
    sum = 1
  }
  return trusted.map((value) => value / sum)
}

function cellOf(
  [minX, maxX, minY, maxY]: CredibilityMap['range'],
  grid: number,
  x: number,
  y: number,
): [number, number] {
  const cell = (value: number, min: number, max: number) =>
    max > min ? Math.min(grid - 1, Math.max(0, Math.floor(((value - min) / (max - min)) * grid))) : 0
  return [cell(x, minX, maxX), cell(y, minY, maxY)]
}

function rangeOf(points: Float32Array): CredibilityMap['range'] {
  const range: [number, number, number, number] = [Infinity, -Infinity, Infinity, -Infinity]
  for (let r = 0; r < points.length; r += 2) {
    range[0] = Math.min(range[0], points[r]!)
    range[1] = Math.max(range[1], points[r]!)
    range[2] = Math.min(range[2], points[r + 1]!)
    range[3] = Math.max(range[3], points[r + 1]!)
  }
  return range
}

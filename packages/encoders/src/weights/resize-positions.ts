import type { Weight } from './weights.js'

export interface Grid {
  readonly rows: number
  readonly columns: number
}

/**
 * Position embeddings `[1, prefix + rows * columns, dim]` for another grid of patches: bicubic over the grid, the leading tokens' as they are, as
 * DeiT and DINO do it (Keys' kernel with a = -0.75, half-pixel centres, no anti-aliasing).
 */
export function resizePositions(positions: Weight, prefix: number, from: Grid, to: Grid): Weight {
  const dim = positions.shape[2]!
  const data = new Float32Array((prefix + to.rows * to.columns) * dim)
  data.set(positions.data.subarray(0, prefix * dim))
  const vertical = taps(from.rows, to.rows)
  const horizontal = taps(from.columns, to.columns)
  for (let row = 0; row < to.rows; row++) {
    for (let column = 0; column < to.columns; column++) {
      const out = (prefix + row * to.columns + column) * dim
      for (const [y, weightY] of vertical[row]!) {
        for (const [x, weightX] of horizontal[column]!) {
          const source = (prefix + y * from.columns + x) * dim
          const weight = weightY * weightX
          for (let d = 0; d < dim; d++) data[out + d]! += weight * positions.data[source + d]!
        }
      }
    }
  }
  return { shape: [1, prefix + to.rows * to.columns, dim], data }
}

/** The four source places of each target place, and their weights; places beyond an edge fall on the edge. */
function taps(from: number, to: number): (readonly [number, number])[][] {
  return Array.from({ length: to }, (_, i) => {
    const centre = ((i + 0.5) * from) / to - 0.5
    const first = Math.floor(centre) - 1
    return [0, 1, 2, 3].map((tap) => {
      const place = Math.min(from - 1, Math.max(0, first + tap))
      return [place, keys(Math.abs(centre - (first + tap)))] as const
    })
  })
}

function keys(distance: number): number {
  const a = -0.75
  if (distance <= 1) return ((a + 2) * distance - (a + 3)) * distance * distance + 1
  if (distance < 2) return ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
  return 0
}

/** Places of position embeddings, or of a feature map. */
export interface Grid {
  readonly rows: number
  readonly columns: number
}

/**
 * A grid of vectors `[rows * columns, dim]`, such as position embeddings, for another grid: bicubic as DeiT and DINO do it (Keys'
 * kernel with a = -0.75, half-pixel centres, edges repeated, no anti-aliasing).
 */
export function resizeGrid(values: Float32Array, dim: number, from: Grid, to: Grid): Float32Array {
  const out = new Float32Array(to.rows * to.columns * dim)
  const vertical = taps(from.rows, to.rows)
  const horizontal = taps(from.columns, to.columns)
  vertical.forEach((inRow, row) =>
    horizontal.forEach((inColumn, column) => {
      const at = (row * to.columns + column) * dim
      for (const [y, weightY] of inRow) {
        for (const [x, weightX] of inColumn) {
          const source = (y * from.columns + x) * dim
          const weight = weightY * weightX
          for (let d = 0; d < dim; d++) out[at + d]! += weight * values[source + d]!
        }
      }
    }),
  )
  return out
}

/** The four source places of each target place, and their weights; places beyond an edge fall on the edge. */
function taps(from: number, to: number): (readonly [place: number, weight: number])[][] {
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

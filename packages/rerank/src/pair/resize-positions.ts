import type { Grid } from './examine-encoder.js'

/**
 * A grid of position embeddings `[rows * columns, dim]` for another grid, bicubic as DeiT and DINO do it: Keys' kernel with a = -0.75,
 * half-pixel centres, edges repeated, no anti-aliasing.
 */
export function resizePositions(values: Float32Array, dim: number, from: Grid, to: Grid): Float32Array {
  const out = new Float32Array(to.rows * to.columns * dim)
  const vertical = Array.from({ length: to.rows }, (_, i) => taps(i, from.rows, to.rows))
  const horizontal = Array.from({ length: to.columns }, (_, i) => taps(i, from.columns, to.columns))
  vertical.forEach((inRow, row) =>
    horizontal.forEach((inColumn, column) => {
      const at = (row * to.columns + column) * dim
      for (const [y, weightY] of inRow) {
        for (const [x, weightX] of inColumn) {
          const source = (y * from.columns + x) * dim
          for (let d = 0; d < dim; d++) out[at + d]! += weightY * weightX * values[source + d]!
        }
      }
    }),
  )
  return out
}

function taps(i: number, from: number, to: number): (readonly [place: number, weight: number])[] {
  const centre = ((i + 0.5) * from) / to - 0.5
  const first = Math.floor(centre) - 1
  return [0, 1, 2, 3].map(
    (tap) => [Math.min(from - 1, Math.max(0, first + tap)), keys(Math.abs(centre - first - tap))] as const,
  )
}

function keys(x: number): number {
  const a = -0.75
  if (x <= 1) return (a + 2) * x ** 3 - (a + 3) * x ** 2 + 1
  return x < 2 ? a * (x ** 3 - 5 * x ** 2 + 8 * x - 4) : 0
}

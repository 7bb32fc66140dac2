import { concat } from '@lookalike/core'
import { type Grid, resizeGrid } from '@lookalike/onnx'
import type { Weight } from './weights.js'

/** Position embeddings `[1, prefix + rows * columns, dim]` for another grid of patches; the leading tokens' stay as they are. */
export function resizePositions(positions: Weight, prefix: number, from: Grid, to: Grid): Weight {
  const dim = positions.shape[2]!
  const leading = positions.data.subarray(0, prefix * dim)
  const data = concat([leading, resizeGrid(positions.data.subarray(prefix * dim), dim, from, to)])
  return { shape: [1, prefix + to.rows * to.columns, dim], data }
}

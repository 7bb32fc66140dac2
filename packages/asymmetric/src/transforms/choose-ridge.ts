import { createRandom, dotRows, unitRows } from '@lookalike/core'
import type { Execution } from '@lookalike/onnx'
import { buildLinear } from './build-linear.js'
import { createTransformer } from './create-transformer.js'
import { prepareLeastSquares } from './fit-linear.js'
import { pickPairs } from './pick-pairs.js'
import type { PairedEmbeddings } from './transform.js'

/** Share of the pairs that are held out, and how many at most. */
const HELD_OUT = 0.2
const MOST = 1000

export interface ChosenRidge {
  readonly ridge: number
  /** Share of the held-out pairs that find each other among the held-out ones, of each ridge. */
  readonly recalls: readonly number[]
}

/**
 * The ridge of least squares with which most held-out gallery images are what their own query embedding finds first; no labels are
 * needed. Of equal ones the larger ridge, which changes least with the images.
 *
 * @param seed decides which fifth is held out
 */
export async function chooseRidge(
  pairs: PairedEmbeddings,
  ridges: readonly number[],
  seed: number | string,
  execution?: Execution,
): Promise<ChosenRidge> {
  const order = createRandom(seed).fork('ridge').permutation(pairs.rows)
  const count = Math.min(MOST, Math.max(1, Math.floor(pairs.rows * HELD_OUT)))
  const [held, rest] = [pickPairs(pairs, order.subarray(0, count)), pickPairs(pairs, order.subarray(count))]
  const solve = await prepareLeastSquares(rest, execution)
  const queries = unitRows(held.to, held.outputDim)
  const recalls: number[] = []
  for (const ridge of ridges) {
    const { weight, bias } = await solve(ridge)
    const transformer = await createTransformer(
      buildLinear('linear', weight, pairs.inputDim, pairs.outputDim, bias),
      execution,
    )
    try {
      recalls.push(foundThemselves(queries, await transformer.apply(held.from), pairs.outputDim))
    } finally {
      await transformer.dispose()
    }
  }
  const best = Math.max(...recalls)
  return { ridge: Math.max(...ridges.filter((_, i) => recalls[i] === best)), recalls }
}

function foundThemselves(queries: Float32Array, gallery: Float32Array, dim: number): number {
  const rows = queries.length / dim
  let found = 0
  for (let row = 0; row < rows; row++) {
    const own = dotRows(queries, row, gallery, row, dim)
    let better = 0
    for (let other = 0; better === 0 && other < rows; other++)
      if (other !== row && dotRows(queries, row, gallery, other, dim) >= own) better++
    if (better === 0) found++
  }
  return found / rows
}

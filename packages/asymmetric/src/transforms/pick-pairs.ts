import { pickRows } from '@lookalike/core'
import type { PairedEmbeddings } from './transform.js'

/** The pairs of some rows. */
export function pickPairs({ from, inputDim, to, outputDim }: PairedEmbeddings, rows: Int32Array): PairedEmbeddings {
  return {
    from: pickRows(from, inputDim, rows),
    inputDim,
    to: pickRows(to, outputDim, rows),
    outputDim,
    rows: rows.length,
  }
}

import { fastExp } from '../kernels/fast-exp.js'

/** What the rows of a batch (anchors) are compared with: the batch itself first, then a memory of past batches. */
export interface Pairs {
  /** Cosines or distances, row-major `[rows, columns]`. */
  readonly values: Float32Array
  readonly rows: number
  readonly columns: number
  /** Class of each anchor. */
  readonly labels: Int32Array
  /** Class of each column; the first `rows` columns are the anchors themselves. */
  readonly columnLabels: Int32Array
}

/** Places in the matrix of pairs that belong to one anchor; valid until the next one is asked for. */
export interface AnchorPlaces {
  /** Of its own class, without the anchor itself; ascending. */
  readonly positives: Int32Array
  /** Of other classes; ascending. */
  readonly negatives: Int32Array
}

/** Finds the positives and negatives of one anchor after the other. */
export function anchorPlaces({ columns, labels, columnLabels }: Pairs): (row: number) => AnchorPlaces {
  const positives = new Int32Array(columns)
  const negatives = new Int32Array(columns)
  return (row) => {
    const label = labels[row]!
    const start = row * columns
    let p = 0
    let n = 0
    for (let column = 0; column < columns; column++) {
      if (columnLabels[column] !== label) negatives[n++] = start + column
      else if (column !== row) positives[p++] = start + column
    }
    return { positives: positives.subarray(0, p), negatives: negatives.subarray(0, n) }
  }
}

/**
 * Replaces the first `count` of `z` by their softmax, and returns `log(sum exp z)`; with `one`, a further 0 is among them.
 * Never overflows; of nothing the sum is 0, its logarithm minus infinity.
 */
export function softmax(z: Float64Array, count: number, one = false): number {
  let peak = one ? 0 : -Infinity
  for (let i = 0; i < count; i++) if (z[i]! > peak) peak = z[i]!
  if (peak === -Infinity) return -Infinity
  let sum = one ? Math.exp(-peak) : 0
  for (let i = 0; i < count; i++) sum += z[i] = fastExp(z[i]! - peak)
  for (let i = 0; i < count; i++) z[i]! /= sum
  return Math.log(sum) + peak
}

/** What the rows of a batch (anchors) are compared with: the batch itself first, then a memory of past batches. */
export interface Pairs {
  /** Cosines or distances, row-major `[rows, columns]`; numbers to look at, not to differentiate. */
  readonly values: Float32Array
  readonly rows: number
  readonly columns: number
  /** 1 where anchor and column share a class and are not one item, else 0. */
  readonly positives: Float32Array
  /** 1 where the classes differ, else 0. */
  readonly negatives: Float32Array
}

/** Marks positives and negatives. Columns up to `labels.length` are the anchors themselves. */
export function pairMasks(labels: Int32Array, columnLabels: Int32Array): Pick<Pairs, 'positives' | 'negatives'> {
  const columns = columnLabels.length
  const positives = new Float32Array(labels.length * columns)
  const negatives = new Float32Array(labels.length * columns)
  for (let row = 0; row < labels.length; row++) {
    for (let column = 0; column < columns; column++) {
      if (labels[row] !== columnLabels[column]) negatives[row * columns + column] = 1
      else if (row !== column) positives[row * columns + column] = 1
    }
  }
  return { positives, negatives }
}

/** The sum of each row of a mask. */
export function rowSums(mask: Float32Array, rows: number, columns: number): Float64Array {
  const sums = new Float64Array(rows)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) sums[row]! += mask[row * columns + column]!
  }
  return sums
}

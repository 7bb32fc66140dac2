/** Below this a row counts as zero; as in PyTorch's `normalize`. */
const SMALLEST = 1e-12

/** `1 / max(norm, 1e-12)` of each row. */
export function inverseRowNorms(data: Float32Array, rows: number, dim: number): Float64Array {
  const inverse = new Float64Array(rows)
  for (let row = 0; row < rows; row++) {
    // Four sums: a single one waits for each addition.
    let s0 = 0
    let s1 = 0
    let s2 = 0
    let s3 = 0
    const start = row * dim
    const end = start + dim
    let i = start
    for (; i + 3 < end; i += 4) {
      s0 += data[i]! * data[i]!
      s1 += data[i + 1]! * data[i + 1]!
      s2 += data[i + 2]! * data[i + 2]!
      s3 += data[i + 3]! * data[i + 3]!
    }
    for (; i < end; i++) s0 += data[i]! * data[i]!
    inverse[row] = 1 / Math.max(Math.sqrt(s0 + s1 + s2 + s3), SMALLEST)
  }
  return inverse
}

/** The rows divided by their norms. */
export function normaliseRows(data: Float32Array, dim: number, inverse: Float64Array): Float32Array {
  const result = new Float32Array(data.length)
  for (let row = 0; row < inverse.length; row++) {
    const scale = inverse[row]!
    const end = (row + 1) * dim
    for (let i = row * dim; i < end; i++) result[i] = data[i]! * scale
  }
  return result
}

/**
 * Pulls a gradient back through `u = x / |x|`, in place: `(g - u (u . g)) / |x|` for each row.
 * `divided` says that the rows of `gradient` were already divided by the norms.
 */
export function normaliseRowsBackward(
  gradient: Float32Array,
  data: Float32Array,
  dim: number,
  inverse: Float64Array,
  divided: boolean,
): void {
  for (let row = 0; row < inverse.length; row++) {
    const norm = inverse[row]!
    const scale = divided ? 1 : norm
    const start = row * dim
    const end = start + dim
    let s0 = 0
    let s1 = 0
    let i = start
    for (; i + 1 < end; i += 2) {
      s0 += gradient[i]! * data[i]!
      s1 += gradient[i + 1]! * data[i + 1]!
    }
    if (i < end) s0 += gradient[i]! * data[i]!
    const radial = (s0 + s1) * norm * norm
    for (i = start; i < end; i++) gradient[i] = (gradient[i]! - radial * data[i]!) * scale
  }
}

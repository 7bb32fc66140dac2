/**
 * Eigenvalues of a symmetric matrix, largest first: Householder reflections to three diagonals, then QL steps with implicit
 * shifts (Golub and Van Loan, Matrix Computations, 8.3). About 4/3 n^3 multiply-adds, in double precision.
 *
 * @param matrix row-major `[n, n]`; only the lower triangle is read
 */
export function symmetricEigenvalues(matrix: ArrayLike<number>, n: number): Float64Array {
  const { diagonal, beside } = tridiagonal(Float64Array.from(matrix), n)
  diagonalise(diagonal, beside)
  return diagonal.sort().reverse()
}

/** Reflects the rows from the last to the second, each onto its entry beside the diagonal. */
function tridiagonal(a: Float64Array, n: number): { diagonal: Float64Array; beside: Float64Array } {
  const diagonal = new Float64Array(n)
  const beside = new Float64Array(n)
  for (let i = n - 1; i > 0; i--) {
    const row = a.subarray(i * n, i * n + i)
    const length = rowNorm(row)
    diagonal[i] = a[i * n + i]!
    if (length === 0) continue
    const pivot = row[i - 1]! > 0 ? -length : length
    beside[i] = pivot
    // The reflection is I - v v^T / half, v the row with the pivot taken from its last entry.
    const half = length * length - pivot * row[i - 1]!
    row[i - 1]! -= pivot
    if (half === 0) continue
    const product = new Float64Array(i)
    for (let j = 0; j < i; j++) {
      let sum = 0
      for (let k = 0; k <= j; k++) sum += a[j * n + k]! * row[k]!
      for (let k = j + 1; k < i; k++) sum += a[k * n + j]! * row[k]!
      product[j] = sum / half
    }
    let along = 0
    for (let j = 0; j < i; j++) along += product[j]! * row[j]!
    along /= 2 * half
    for (let j = 0; j < i; j++) product[j]! -= along * row[j]!
    for (let j = 0; j < i; j++) {
      const [own, other] = [row[j]!, product[j]!]
      for (let k = 0; k <= j; k++) a[j * n + k]! -= own * product[k]! + other * row[k]!
    }
  }
  diagonal[0] = a[0] ?? 0
  return { diagonal, beside }
}

function rowNorm(row: Float64Array): number {
  let sum = 0
  for (const value of row) sum += value * value
  return Math.sqrt(sum)
}

/** Turns the diagonal into the eigenvalues; `beside[i]` stands between `i - 1` and `i`. */
function diagonalise(d: Float64Array, beside: Float64Array): void {
  const n = d.length
  const e = new Float64Array(n)
  e.set(beside.subarray(1))
  for (let start = 0; start < n; start++) {
    for (;;) {
      let end = start
      while (end < n - 1 && Math.abs(e[end]!) > Number.EPSILON * (Math.abs(d[end]!) + Math.abs(d[end + 1]!))) end++
      if (end === start) break
      const slope = (d[start + 1]! - d[start]!) / (2 * e[start]!)
      const root = Math.hypot(slope, 1)
      let shifted = d[end]! - d[start]! + e[start]! / (slope + (slope < 0 ? -root : root))
      let [sine, cosine, moved] = [1, 1, 0]
      let i = end - 1
      for (; i >= start; i--) {
        const f = sine * e[i]!
        const b = cosine * e[i]!
        const radius = Math.hypot(f, shifted)
        e[i + 1] = radius
        if (radius === 0) {
          d[i + 1]! -= moved
          e[end] = 0
          break
        }
        sine = f / radius
        cosine = shifted / radius
        const before = d[i + 1]! - moved
        const step = (d[i]! - before) * sine + 2 * cosine * b
        moved = sine * step
        d[i + 1] = before + moved
        shifted = cosine * step - b
      }
      if (i >= start) continue
      d[start]! -= moved
      e[start] = shifted
      e[end] = 0
    }
  }
}

import { inverseRowNorms, normaliseRows, normaliseRowsBackward } from '../kernels/row-norms.js'
import type { Regulariser } from '../regularise/regulariser.js'

/** Keeps the root's slope finite where two centres are one; from the authors' code. */
const SMALLEST = 1e-5

/**
 * SoftTriple's term on the centres: `tau / (C K (K - 1)) * sum_c sum_{k < l} |w_ck - w_cl|` of unit centres, which lets
 * centres of one class that are not needed fall together.
 */
export function softTripleCentres({ tau, K }: { readonly tau: number; readonly K: number }): Regulariser {
  return async ({ proxies, rows, dim }) => {
    const inverse = inverseRowNorms(proxies, rows, dim)
    const unit = normaliseRows(proxies, dim, inverse)
    const gradient = new Float32Array(proxies.length)
    const weight = tau / (rows * (K - 1))
    let sum = 0
    for (let centre = 0; centre < rows; centre += K) {
      for (let k = centre; k < centre + K; k++) {
        for (let l = k + 1; l < centre + K; l++) {
          let cosine = 0
          for (let d = 0; d < dim; d++) cosine += unit[k * dim + d]! * unit[l * dim + d]!
          const distance = Math.sqrt(Math.max(2 - 2 * cosine, 0) + SMALLEST)
          sum += distance
          const slope = -weight / distance
          for (let d = 0; d < dim; d++) {
            gradient[k * dim + d]! += slope * unit[l * dim + d]!
            gradient[l * dim + d]! += slope * unit[k * dim + d]!
          }
        }
      }
    }
    normaliseRowsBackward(gradient, proxies, dim, inverse, false)
    return { value: weight * sum, gradient, logs: { 'soft-triple/centres': weight * sum } }
  }
}

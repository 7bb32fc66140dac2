import { fastExp } from '../kernels/fast-exp.js'
import type { ProxyKernel } from './proxy-kernel.js'

/**
 * Proxy Anchor on cosines s(x, p) (Kim et al., CVPR 2020):
 *
 * `1/|P+| sum_{p in P+} log(1 + sum_{x in X_p+} exp(-alpha (s - delta))) + 1/|P| sum_{p in P} log(1 + sum_{x in X_p-} exp(alpha (s + delta)))`
 *
 * Each proxy stands alone, so one pass over the blocks is enough.
 */
export function proxyAnchorKernel(
  labels: Int32Array,
  classes: number,
  { alpha, delta }: { readonly alpha: number; readonly delta: number },
): ProxyKernel {
  const present = new Set(labels).size
  let positive = 0
  let negative = 0

  return {
    gradient({ s, rows, first, count }) {
      // The positives leave the matrix first; minus infinity keeps them out of the negatives' sums.
      const own = new Float64Array(rows)
      const peakPositive = new Float64Array(count).fill(-1)
      for (let row = 0; row < rows; row++) {
        const column = labels[row]! - first
        if (column < 0 || column >= count) continue
        const at = row * count + column
        own[row] = -alpha * (s[at]! - delta)
        peakPositive[column] = Math.max(peakPositive[column]!, own[row]!, 0)
        s[at] = -Infinity
      }

      // log(1 + sum exp z) = m + log(exp(-m) + sum exp(z - m)) with m = max(0, z): nothing overflows.
      const largest = new Float32Array(count).fill(-Infinity)
      for (let start = 0; start < s.length; start += count) {
        for (let column = 0; column < count; column++) {
          const value = s[start + column]!
          if (value > largest[column]!) largest[column] = value
        }
      }
      const offset = new Float64Array(count)
      const sum = new Float64Array(count)
      for (let column = 0; column < count; column++) {
        const peak = Math.max(0, alpha * (largest[column]! + delta))
        offset[column] = alpha * delta - peak
        sum[column] = Math.exp(-peak)
        negative += peak
      }
      for (let start = 0; start < s.length; start += count) {
        for (let column = 0; column < count; column++) {
          const e = fastExp(alpha * s[start + column]! + offset[column]!)
          s[start + column] = e
          sum[column]! += e
        }
      }
      for (let column = 0; column < count; column++) {
        negative += Math.log(sum[column]!)
        sum[column] = alpha / (classes * sum[column]!)
      }
      for (let start = 0; start < s.length; start += count) {
        for (let column = 0; column < count; column++) s[start + column]! *= sum[column]!
      }

      const sumPositive = new Float64Array(count)
      for (let row = 0; row < rows; row++) {
        const column = labels[row]! - first
        if (column >= 0 && column < count) sumPositive[column]! += Math.exp(own[row]! - peakPositive[column]!)
      }
      for (let column = 0; column < count; column++) {
        // Still -1 where the class is not in the batch.
        if (peakPositive[column]! < 0) continue
        sumPositive[column]! += Math.exp(-peakPositive[column]!)
        positive += peakPositive[column]! + Math.log(sumPositive[column]!)
      }
      for (let row = 0; row < rows; row++) {
        const column = labels[row]! - first
        if (column < 0 || column >= count) continue
        s[row * count + column] =
          (-alpha / present) * (Math.exp(own[row]! - peakPositive[column]!) / sumPositive[column]!)
      }
    },
    result: () => ({
      value: positive / present + negative / classes,
      logs: { 'proxy-anchor/positive': positive / present, 'proxy-anchor/negative': negative / classes },
    }),
  }
}

import { fastExp } from '../kernels/fast-exp.js'
import type { ProxyKernel } from './proxy-kernel.js'

/** What the cosine with the own class's proxy is replaced by, and the derivative of that. */
export type TargetCosine = (s: number) => { readonly value: number; readonly slope: number }

/**
 * Cross-entropy of `softmax(scale * cosines)`, the own class's cosine changed by `target`; mean over the batch.
 * One proxy a class.
 */
export function cosineSoftmaxKernel(labels: Int32Array, scale: number, target: TargetCosine): ProxyKernel {
  const rows = labels.length
  const peak = new Float64Array(rows).fill(-Infinity)
  const sum = new Float64Array(rows)
  const own = new Float64Array(rows)
  let total = 0

  return {
    scan({ s, first, count }) {
      for (let row = 0; row < rows; row++) {
        const start = row * count
        const column = labels[row]! - first
        if (column >= 0 && column < count) {
          own[row] = s[start + column]!
          s[start + column] = target(own[row]!).value
        }
        let largest = peak[row]!
        for (let i = start; i < start + count; i++) largest = Math.max(largest, scale * s[i]!)
        let exps = sum[row]! * Math.exp(peak[row]! - largest)
        for (let i = start; i < start + count; i++) exps += fastExp(scale * s[i]! - largest)
        peak[row] = largest
        sum[row] = exps
        if (column >= 0 && column < count) s[start + column] = own[row]!
      }
    },
    gradient({ s, first, count }) {
      for (let row = 0; row < rows; row++) {
        const start = row * count
        const column = labels[row]! - first
        const logSum = peak[row]! + Math.log(sum[row]!)
        for (let i = start; i < start + count; i++) s[i] = (scale / rows) * fastExp(scale * s[i]! - logSum)
        if (column < 0 || column >= count) continue
        const { value, slope } = target(own[row]!)
        total += logSum - scale * value
        // exp(z) - 1 without cancellation where the row is almost right.
        s[start + column] = (scale / rows) * Math.expm1(scale * value - logSum) * slope
      }
    },
    result: () => ({ value: total / rows, logs: {} }),
  }
}

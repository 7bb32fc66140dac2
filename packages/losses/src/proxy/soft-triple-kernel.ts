import { fastExp } from '../kernels/fast-exp.js'
import type { ProxyKernel } from './proxy-kernel.js'

export interface SoftTripleSymbols {
  readonly lambda: number
  readonly gamma: number
  readonly delta: number
  readonly K: number
}

/**
 * SoftTriple on cosines with K centres a class: `S_c = sum_k softmax_k(s_ck / gamma) s_ck`, then the cross-entropy of
 * `softmax(lambda (S_c - delta [c = y]))`; mean over the batch.
 */
export function softTripleKernel(labels: Int32Array, { lambda, gamma, delta, K }: SoftTripleSymbols): ProxyKernel {
  const rows = labels.length
  const peak = new Float64Array(rows).fill(-Infinity)
  const sum = new Float64Array(rows)
  const attention = new Float64Array(K)
  let total = 0

  /** Fills `attention` and returns S_c for the K cosines from `at` on. */
  const relaxed = (s: Float32Array, at: number) => {
    let largest = -Infinity
    for (let k = 0; k < K; k++) largest = Math.max(largest, s[at + k]!)
    let exps = 0
    for (let k = 0; k < K; k++) exps += attention[k] = fastExp((s[at + k]! - largest) / gamma)
    let similarity = 0
    for (let k = 0; k < K; k++) similarity += (attention[k]! /= exps) * s[at + k]!
    return similarity
  }
  const logit = (similarity: number, own: boolean) => lambda * (own ? similarity - delta : similarity)

  return {
    scan({ s, first, count }) {
      for (let row = 0; row < rows; row++) {
        const own = row * count + labels[row]! * K - first
        for (let at = row * count; at < (row + 1) * count; at += K) {
          const z = logit(relaxed(s, at), at === own)
          const largest = Math.max(peak[row]!, z)
          sum[row] = sum[row]! * fastExp(peak[row]! - largest) + fastExp(z - largest)
          peak[row] = largest
        }
      }
    },
    gradient({ s, first, count }) {
      for (let row = 0; row < rows; row++) {
        const own = row * count + labels[row]! * K - first
        const logSum = peak[row]! + Math.log(sum[row]!)
        for (let at = row * count; at < (row + 1) * count; at += K) {
          const similarity = relaxed(s, at)
          const z = logit(similarity, at === own)
          if (at === own) total += logSum - z
          const slope = (lambda / rows) * (at === own ? Math.expm1(z - logSum) : fastExp(z - logSum))
          for (let k = 0; k < K; k++) s[at + k] = slope * attention[k]! * (1 + (s[at + k]! - similarity) / gamma)
        }
      }
    },
    result: () => ({ value: total / rows, logs: {} }),
  }
}

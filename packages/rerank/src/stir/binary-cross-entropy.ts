import { logistic, softplus } from '@lookalike/core'

/**
 * Mean binary cross-entropy of logits, target 1 = different, with its gradient for each logit.
 */
export function binaryCrossEntropy(
  logits: Float32Array,
  different: Uint8Array,
): { value: number; gradient: Float32Array; accuracy: number } {
  const gradient = new Float32Array(logits.length)
  let value = 0
  let right = 0
  for (let i = 0; i < logits.length; i++) {
    const z = logits[i]!
    const target = different[i]!
    value += softplus(z) - target * z
    gradient[i] = (logistic(z) - target) / logits.length
    if (z > 0 === (target === 1)) right++
  }
  return { value: value / Math.max(1, logits.length), gradient, accuracy: right / Math.max(1, logits.length) }
}

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
    // log(1 + exp(z)) - target * z, without an exponential of a large number.
    value += Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))) - target * z
    gradient[i] = (1 / (1 + Math.exp(-z)) - target) / logits.length
    if (z > 0 === (target === 1)) right++
  }
  return { value: value / Math.max(1, logits.length), gradient, accuracy: right / Math.max(1, logits.length) }
}

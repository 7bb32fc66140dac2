/** The numbers of one AdamW update. */
export interface AdamWStep {
  readonly learningRate: number
  /** Multiplied onto the weights before the update: 1 - learning rate x weight decay. */
  readonly shrink: number
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  /** Multiplies the gradient: what clipping by norm leaves of it. */
  readonly gradientScale: number
  /** Updates of this array so far, this one included. */
  readonly count: number
}

/**
 * One update of an array in place (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, arXiv 1711.05101), in the order
 * of PyTorch's operations.
 */
export function adamWStep(
  weights: Float32Array,
  gradient: Float32Array,
  m: Float32Array,
  v: Float32Array,
  step: AdamWStep,
): void {
  const { shrink, beta1, beta2, epsilon, gradientScale, count } = step
  const size = step.learningRate / (1 - beta1 ** count)
  const correction = 1 / Math.sqrt(1 - beta2 ** count)
  const mix1 = 1 - beta1
  const mix2 = 1 - beta2
  const length = weights.length
  for (let i = 0; i < length; i++) {
    const g = gradient[i]! * gradientScale
    const m1 = m[i]! + mix1 * (g - m[i]!)
    const v1 = v[i]! * beta2 + mix2 * g * g
    m[i] = m1
    v[i] = v1
    weights[i] = weights[i]! * shrink - (size * m1) / (Math.sqrt(v1) * correction + epsilon)
  }
}

/** A trained array and how it is trained; updated in place. */
export interface Parameter {
  readonly name: string
  readonly shape: readonly number[]
  readonly data: Float32Array
  /** Multiplies the learning rate. Default 1. */
  readonly learningRateFactor?: number | undefined
  /** Whether weight decay applies. Default true. */
  readonly decay?: boolean | undefined
  /** Belongs to the loss (a proxy): its gradient does not count for the norm that is clipped. Default false. */
  readonly ofLoss?: boolean | undefined
}

const EMBEDDINGS = /(^|[./_])(pos(ition)?(al)?_?embed|(cls|class|dist|distillation|mask)_?(token|embedding))/i

/**
 * Whether weight decay should apply to a weight: not to biases, gains and norms, which vary along one dimension at most, nor to tokens and
 * positional embeddings.
 */
export function decays(name: string, shape: readonly number[]): boolean {
  return shape.filter((dim) => dim > 1).length > 1 && !EMBEDDINGS.test(name)
}

import { type LossTriple, logistic, softplus } from '@lookalike/core'

/**
 * The loss of a context-sensitive model (Liao & Chen, KDD 2024, arXiv 2401.07951):
 * `CE(Linear([e_R; e_A; e_B] -> 2)) + lambda * mean(max(0, m - s (|e_R - e_A|^2 - |e_R - e_B|^2)))`,
 * s = +1 where B is closer, else -1; m = |class_A - class_B| / 5 + 0.2 with the pair's own classes.
 */
export interface ContextLossOptions {
  /** Weight of the margin term. Paper: 0.1. */
  readonly marginWeight: number
  /** The smallest margin. Paper: 0.2. */
  readonly margin: number
  /** Margin for each step between the two classes. Paper: 0.2 (one fifth). */
  readonly marginPerClass: number
}

export const CONTEXT_LOSS: ContextLossOptions = { marginWeight: 0.1, margin: 0.2, marginPerClass: 0.2 }

/** The linear layer on [e_R; e_A; e_B]: `weight` is `[2, 3 * dim]`, row-major; the first output stands for A, the second for B. */
export interface TripleClassifier {
  readonly weight: Float32Array
  readonly bias: Float32Array
}

export interface ContextLossValue {
  readonly value: number
  readonly crossEntropy: number
  readonly margin: number
}

export interface ContextLossGradients {
  /** Shape of the embeddings. */
  readonly embeddings: Float32Array
  readonly weight: Float32Array
  readonly bias: Float32Array
}

/** The margin of one triple; triples without classes get the smallest one. */
export function marginOf(
  { classA, classB }: Pick<LossTriple, 'classA' | 'classB'>,
  options: ContextLossOptions = CONTEXT_LOSS,
): number {
  const steps = classA === undefined || classB === undefined ? 0 : Math.abs(classA - classB)
  return steps * options.marginPerClass + options.margin
}

/**
 * Value, and gradients added to `into`.
 *
 * A soft target q mixes the two answers: cross-entropy with q, and `q * hinge(B) + (1 - q) * hinge(A)` (ours; for q = 0 and 1 it is the paper's).
 *
 * @param embeddings raw, row-major `[rows, dim]`
 */
export function contextLoss(
  embeddings: Float32Array,
  dim: number,
  triples: readonly LossTriple[],
  { weight, bias }: TripleClassifier,
  into?: ContextLossGradients,
  options: ContextLossOptions = CONTEXT_LOSS,
): ContextLossValue {
  const share = 1 / triples.length
  let crossEntropy = 0
  let margin = 0
  for (const triple of triples) {
    const [r, a, b] = [triple.reference * dim, triple.a * dim, triple.b * dim]
    let forA = bias[0]!
    let forB = bias[1]!
    let toA = 0
    let toB = 0
    for (let i = 0; i < dim; i++) {
      const [x, y, z] = [embeddings[r + i]!, embeddings[a + i]!, embeddings[b + i]!]
      forA += weight[i]! * x + weight[dim + i]! * y + weight[2 * dim + i]! * z
      forB += weight[3 * dim + i]! * x + weight[4 * dim + i]! * y + weight[5 * dim + i]! * z
      toA += (x - y) * (x - y)
      toB += (x - z) * (x - z)
    }
    const q = triple.target
    const logit = forB - forA
    crossEntropy += softplus(logit) - q * logit
    const m = marginOf(triple, options)
    const hingeB = m - (toA - toB)
    const hingeA = m + (toA - toB)
    margin += q * Math.max(0, hingeB) + (1 - q) * Math.max(0, hingeA)
    if (!into) continue

    const byLogit = share * (logistic(logit) - q)
    // By toA - toB.
    const byGap = share * options.marginWeight * ((hingeA > 0 ? 1 - q : 0) - (hingeB > 0 ? q : 0))
    into.bias[0]! -= byLogit
    into.bias[1]! += byLogit
    for (let i = 0; i < dim; i++) {
      const [x, y, z] = [embeddings[r + i]!, embeddings[a + i]!, embeddings[b + i]!]
      into.weight[i]! -= byLogit * x
      into.weight[dim + i]! -= byLogit * y
      into.weight[2 * dim + i]! -= byLogit * z
      into.weight[3 * dim + i]! += byLogit * x
      into.weight[4 * dim + i]! += byLogit * y
      into.weight[5 * dim + i]! += byLogit * z
      into.embeddings[r + i]! += byLogit * (weight[3 * dim + i]! - weight[i]!) + byGap * 2 * (z - y)
      into.embeddings[a + i]! += byLogit * (weight[4 * dim + i]! - weight[dim + i]!) - byGap * 2 * (x - y)
      into.embeddings[b + i]! += byLogit * (weight[5 * dim + i]! - weight[2 * dim + i]!) + byGap * 2 * (x - z)
    }
  }
  return {
    value: share * (crossEntropy + options.marginWeight * margin),
    crossEntropy: share * crossEntropy,
    margin: share * margin,
  }
}

/** Every triple also with A and B exchanged, as the paper trains it. */
export function withSwapped(triples: readonly LossTriple[]): LossTriple[] {
  return triples.flatMap((triple) => [
    triple,
    {
      reference: triple.reference,
      a: triple.b,
      b: triple.a,
      target: 1 - triple.target,
      classA: triple.classB,
      classB: triple.classA,
    },
  ])
}

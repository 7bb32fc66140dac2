import { type LossTriple, logistic, softplus } from '@lookalike/core'

/** Logistic loss of the difference of the two cosines (ours); adds its gradient to `into`. Returns the mean. */
export function cosineLoss(
  embeddings: Float32Array,
  dim: number,
  triples: readonly LossTriple[],
  temperature: number,
  into: Float32Array,
): number {
  const cosine = (x: number, y: number) => {
    let [xx, yy, xy] = [1e-12, 1e-12, 0]
    for (let i = 0; i < dim; i++) {
      const [p, q] = [embeddings[x + i]!, embeddings[y + i]!]
      xx += p * p
      yy += q * q
      xy += p * q
    }
    return { xx, yy, norms: Math.sqrt(xx * yy), value: xy / Math.sqrt(xx * yy) }
  }
  const addGradient = (x: number, y: number, { xx, yy, norms, value }: ReturnType<typeof cosine>, factor: number) => {
    for (let i = 0; i < dim; i++) {
      const [p, q] = [embeddings[x + i]!, embeddings[y + i]!]
      into[x + i]! += factor * (q / norms - (value * p) / xx)
      into[y + i]! += factor * (p / norms - (value * q) / yy)
    }
  }
  let sum = 0
  for (const { reference, a, b, target } of triples) {
    const [r, toA, toB] = [reference * dim, a * dim, b * dim]
    const similarA = cosine(r, toA)
    const similarB = cosine(r, toB)
    const logit = (similarB.value - similarA.value) / temperature
    sum += softplus(logit) - target * logit
    const byLogit = (logistic(logit) - target) / (temperature * triples.length)
    addGradient(r, toB, similarB, byLogit)
    addGradient(r, toA, similarA, -byLogit)
  }
  return sum / triples.length
}

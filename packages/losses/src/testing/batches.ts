import { createRandom, type LossInput } from '@lookalike/core'

/** A batch of normal embeddings with labels in turn: row i has label i mod classes. */
export function randomBatch(
  seed: number,
  rows: number,
  dim: number,
  classes: number,
): LossInput & { readonly labels: Int32Array } {
  const random = createRandom(seed)
  return {
    embeddings: Float32Array.from({ length: rows * dim }, () => random.normal()),
    rows,
    dim,
    labels: Int32Array.from({ length: rows }, (_, row) => row % classes),
    step: 0,
    totalSteps: 10,
  }
}

import { createEmbeddings, createRandom, type Embeddings, type Role } from '@lookalike/core'

/** Seeded unit vectors. */
export function sampleVectors<R extends Role>(
  seed: string,
  rows: number,
  dim: number,
  space: string,
  role: R,
): Embeddings<R> {
  const random = createRandom(`vectors ${seed}`)
  const data = new Float32Array(rows * dim)
  for (let row = 0; row < rows; row++) {
    const vector = data.subarray(row * dim, (row + 1) * dim)
    for (let i = 0; i < dim; i++) vector[i] = random.normal()
    const length = Math.hypot(...vector)
    for (let i = 0; i < dim; i++) vector[i]! /= length
  }
  return createEmbeddings({ data, rows, dim, space, role })
}

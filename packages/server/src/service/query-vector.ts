import { createEmbeddings, type Embeddings, LookalikeError, norm } from '@lookalike/core'

/** Rocchio's weight of what is not looked for (ours). */
const NEGATIVE = 0.5

/**
 * One query of several examples: the mean of the positives, less half of the mean of the negatives, as long as the positives are on
 * average.
 *
 * @throws `search/no-direction` when nothing is left of it
 */
export function queryVector(
  positives: readonly Embeddings[],
  negatives: readonly Embeddings[],
): Embeddings<'query' | 'any'> {
  const first = positives[0] ?? negatives[0]!
  const { dim, space } = first
  if (positives.length === 1 && negatives.length === 0)
    return createEmbeddings({ data: first.data, rows: 1, dim, space, role: 'query' })
  const data = new Float32Array(dim)
  const add = (vectors: readonly Embeddings[], weight: number) => {
    for (const vector of vectors) for (let i = 0; i < dim; i++) data[i]! += (vector.data[i]! * weight) / vectors.length
  }
  add(positives, 1)
  add(negatives, -NEGATIVE)
  const length = norm(data)
  const wanted = (positives.length > 0 ? positives : negatives).map((each) => norm(each.data))
  const mean = wanted.reduce((sum, each) => sum + each, 0) / wanted.length
  if (!(length > mean * 1e-6)) {
    throw new LookalikeError('search/no-direction', {
      problem: 'What is looked for and what is not cancel each other out',
      expected: 'examples that differ',
    })
  }
  for (let i = 0; i < dim; i++) data[i]! *= mean / length
  return createEmbeddings({ data, rows: 1, dim, space, role: 'query' })
}

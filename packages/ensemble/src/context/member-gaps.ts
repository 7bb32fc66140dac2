import { dotRows, type LossTriple, unitRows } from '@lookalike/core'

/** `cos(e(R), e(A)) - cos(e(R), e(B))` of each triple: above 0 where a member takes A for the closer one. */
export function memberGaps(embeddings: Float32Array, dim: number, triples: readonly LossTriple[]): Float32Array {
  const unit = unitRows(embeddings, dim)
  const dot = (x: number, y: number) => dotRows(unit, x, unit, y, dim)
  return Float32Array.from(triples, ({ reference, a, b }) => dot(reference, a) - dot(reference, b))
}

/** 1 where the sign of the gap agrees with the triple, 0 where not, 0.5 for a gap of 0. */
export function hits(gaps: ArrayLike<number>, triples: readonly LossTriple[]): Float32Array {
  return Float32Array.from(triples, ({ target }, at) => (gaps[at] === 0 ? 0.5 : gaps[at]! > 0 === target < 0.5 ? 1 : 0))
}

export function meanOf(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return values.length === 0 ? 0 : sum / values.length
}

/** acc_k(r): `[references, members]`, and the references' rows in the order in which they first come. */
export function referenceAccuracies(
  gaps: readonly Float32Array[],
  triples: readonly LossTriple[],
): { references: Int32Array; accuracies: Float32Array } {
  const order = [...new Set(triples.map(({ reference }) => reference))]
  const rank = new Map(order.map((reference, at) => [reference, at]))
  const members = gaps.length
  const counts = new Float32Array(order.length)
  const accuracies = new Float32Array(order.length * members)
  for (const { reference } of triples) counts[rank.get(reference)!]! += 1
  gaps.forEach((own, k) => {
    hits(own, triples).forEach((hit, at) => {
      const r = rank.get(triples[at]!.reference)!
      accuracies[r * members + k]! += hit / counts[r]!
    })
  })
  return { references: Int32Array.from(order), accuracies }
}

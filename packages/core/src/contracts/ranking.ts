/**
 * One query's ranked candidates, nearest first. Immutable; `createRanking` checks: equal lengths, unique positions,
 * finite distances that never fall.
 */
export interface Ranking {
  /** Positions of the candidates in the gallery. */
  readonly positions: Int32Array
  /** `1 - inner product` unless a reranker changed them. */
  readonly distances: Float32Array
}

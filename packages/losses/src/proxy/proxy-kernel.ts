/** The cosines of all embeddings with a run of consecutive proxies. */
export interface SimilarityBlock {
  /** Row-major `[rows, count]`; `gradient` overwrites it with d value / d cosine. */
  readonly s: Float32Array
  readonly rows: number
  /** Number of the first proxy. */
  readonly first: number
  readonly count: number
}

/**
 * The arithmetic of one step of a loss on cosines. It sees the cosines block by block, so that memory does not grow with the
 * number of classes: first each block in `scan` (where the loss needs sums over all classes), then each in `gradient`.
 */
export interface ProxyKernel {
  scan?(block: SimilarityBlock): void
  gradient(block: SimilarityBlock): void
  /** Asked for last. */
  result(): { readonly value: number; readonly logs: Readonly<Record<string, number>> }
}

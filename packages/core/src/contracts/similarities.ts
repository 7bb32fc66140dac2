import type { Embeddings } from './embeddings.js'

/** Inner products of some queries with every row of one gallery. */
export interface Similarities {
  /**
   * @param queries `rows` vectors, row-major
   * @returns `rows` times the gallery's rows, row-major; valid until the next call
   */
  compute(queries: Float32Array, rows: number): Promise<Float32Array>
  dispose(): Promise<void>
}

/** Makes `Similarities` of a gallery; `@lookalike/gallery` has a fast one. */
export type SimilarityEngine = (gallery: Embeddings) => Promise<Similarities>

/**
 * What a vector may be used for. Symmetric encoders make `any`; asymmetric methods make `query` vectors, which are
 * searched for, and `gallery` vectors, which are searched in.
 */
export type Role = 'query' | 'gallery' | 'any'

/**
 * A matrix of embeddings: row-major, `data.length === rows * dim`, all finite. The similarity of two rows of one space
 * is their inner product. Build with `createEmbeddings`, which checks this.
 */
export interface Embeddings<R extends Role = Role> {
  readonly data: Float32Array
  readonly rows: number
  readonly dim: number
  /** What model, weights and preprocessing made the vectors. Vectors of different spaces are never compared. */
  readonly space: string
  readonly role: R
}

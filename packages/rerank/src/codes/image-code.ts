/** What a reranker made of one image alone. */
export interface ImageCode {
  /** `[tokens, dim]`: of a pair model in half precision; of late interaction in int8, two values a word. */
  readonly tokens: Uint16Array
  /** Empty where a pair model needs none; of late interaction the scale of each token. */
  readonly embedding: Float32Array
}

/** What the first part of a pair model made of one image. */
export interface ImageCode {
  /** Half precision, `[tokens, dim]`. */
  readonly tokens: Uint16Array
  /** Empty where the pair model needs none. */
  readonly embedding: Float32Array
}

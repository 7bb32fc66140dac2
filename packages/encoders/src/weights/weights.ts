/** A weight as plain data: row-major, `data.length` is the product of `shape`. */
export interface Weight {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

/** Weights by name. */
export type Weights = ReadonlyMap<string, Weight>

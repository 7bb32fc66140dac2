import type { Products } from '../products/products.js'

export interface RegulariserInput {
  /** Row-major `[rows, dim]`; read only. */
  readonly proxies: Float32Array
  readonly rows: number
  readonly dim: number
  readonly step: number
  readonly totalSteps: number
  readonly products: Products
}

export interface RegulariserOutput {
  /** Weighted: what is added to the loss. */
  readonly value: number
  /** Shape of the proxies. */
  readonly gradient: Float32Array
  readonly logs: Readonly<Record<string, number>>
}

/** A term on the proxies alone, which any loss with proxies can carry. */
export type Regulariser = (input: RegulariserInput) => Promise<RegulariserOutput>

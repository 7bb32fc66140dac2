import type { Box, Filter } from '@lookalike/core'

/** An image to search by or to embed. Exactly one of the first three. */
export interface Example {
  readonly id?: string | undefined
  readonly bytes?: Uint8Array | undefined
  readonly url?: string | undefined
  readonly box?: Box | undefined
}

export interface ServiceSearch {
  readonly positives: readonly Example[]
  readonly negatives: readonly Example[]
  readonly vector?: { readonly space: string; readonly values: readonly number[] } | undefined
  readonly filter?: Filter | undefined
  readonly threshold?: number | undefined
  readonly includeRejected: boolean
  readonly includeExamples: boolean
  readonly k: number
  readonly offset: number
  readonly rerank: boolean
  /** Ask the model beside, too. */
  readonly compare?: boolean | undefined
  readonly distances: number
}

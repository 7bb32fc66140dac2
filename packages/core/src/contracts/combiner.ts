import type { Embeddings } from './embeddings.js'
import type { Encoder } from './encoder.js'
import type { SpecVersion } from './spec.js'

export interface Combined<R extends 'query' | 'gallery'> {
  readonly embeddings: Embeddings<R>
  /** One value a row, larger = less sure; only for gallery images, only where the method has one. */
  readonly uncertainty?: Float32Array | undefined
}

/** Another way to use a combiner's encoders, to be measured beside it. */
export interface Baseline {
  readonly name: string
  /** Shares encoders with the combiner that names it, and disposes none of those. */
  readonly combiner: Combiner
}

/**
 * Several encoders as one: the members' embeddings of an image become **one** vector, separately for queries and for
 * gallery images, such that the inner product is the combined similarity. One index and one query then serve it exactly.
 */
export interface Combiner {
  readonly specVersion: SpecVersion
  readonly name: string
  /** The encoders that embed a query image, in the order in which `combineQuery` takes their embeddings. */
  readonly queryEncoders: readonly Encoder[]
  /** The encoders that embed a gallery image, in the order in which `combineGallery` takes their embeddings. */
  readonly galleryEncoders: readonly Encoder[]
  /**
   * Names of the gallery encoders, in their order: lower-case letters, digits, hyphens. When given, galleries keep these members'
   * embeddings beside the combined ones, so that the combined ones can be made anew without the images.
   */
  readonly galleryMembers?: readonly string[] | undefined
  readonly dim: number
  readonly space: string
  combineQuery(members: readonly Embeddings[]): Promise<Combined<'query'>>
  combineGallery(members: readonly Embeddings[]): Promise<Combined<'gallery'>>
  /** What the combiner is to be compared with; `dispose` of the combiner ends them. */
  baselines?(): Promise<readonly Baseline[]>
  /** Disposes its encoders too. */
  dispose(): Promise<void>
}

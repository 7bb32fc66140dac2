import type { Encoder } from '@lookalike/core'
import type { Weighting } from './ensemble/combine-members.js'
import type { Transform } from './transforms/transform.js'

export interface CrossModelMember {
  /** Lower-case letters, digits, hyphens. */
  readonly name: string
  readonly encoder: Encoder
  readonly transform: Transform
  /** How good the model is alone, above 0: its weight in the baseline of a weighted average. */
  readonly quality?: number | undefined
}

/** How a query is compared: by cosine, or by its likelihood, given the image. */
export type Similarity = 'cosine' | 'likelihood'

export interface CrossModelOptions {
  /** The light model: all that a query needs. */
  readonly query: Encoder
  /** The gallery models, each with its map into the query model's space. */
  readonly members: readonly CrossModelMember[]
  /** Default `mean`. */
  readonly weighting?: Weighting | undefined
  /** Default `cosine`. */
  readonly similarity?: Similarity | undefined
  /** From `fitLikelihood`: needed for that similarity, and measured as a baseline beside the other. */
  readonly likelihood?: Transform | undefined
  /** What distilling a gallery model into the light model made, to be measured as a baseline. */
  readonly distilled?: Encoder | undefined
  readonly threads?: number | undefined
}

/** Gallery models as one, and where their mean is put. */
export interface EnsembleParts {
  readonly members: readonly CrossModelMember[]
  readonly weighting: Weighting
  /** Without it images are compared by cosine. */
  readonly likelihood?: Transform | undefined
}

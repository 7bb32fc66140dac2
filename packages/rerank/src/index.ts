import { type AlphaQueryExpansionOptions, alphaQueryExpansion } from './classical/alpha-query-expansion.js'
import { type DatabaseAugmentationOptions, databaseAugmentation } from './classical/database-augmentation.js'
import { type KReciprocalOptions, kReciprocal } from './classical/k-reciprocal.js'
import { type ReciprocalRankFusionOptions, reciprocalRankFusion } from './classical/reciprocal-rank-fusion.js'
import {
  type AdaptiveThresholdOptions,
  adaptiveThreshold,
  type ConstantThresholdOptions,
  constantThreshold,
} from './classical/thresholds.js'
import { type LateInteractionOptions, lateInteraction } from './late/late-interaction.js'
import { type StirOptions, stir } from './stir/stir.js'
import { stirTrainer } from './stir/train-stir.js'
import type { StirTrainingOptions } from './stir/training-options.js'

export * from './classical.js'
export type { ImageCode } from './codes/image-code.js'
export { createLateScorer, type LateScorer } from './late/create-late-scorer.js'
export { createTokenEncoder, type TokenEncoder } from './late/encode-tokens.js'
export { createLateInteraction, type LateInteractionSettings } from './late/late-interaction.js'
export { centreTokens, quantiseTokens } from './late/late-tokens.js'
export { buildPairModel, type PairEncoder, type PairModel, type PairModelOptions } from './pair/build-pair-model.js'
export { imagePart, pairPart } from './pair/pair-parts.js'
export { type PairSpec, readPairSpec } from './pair/pair-spec.js'
export { createGalleryNeighbours, type GalleryNeighbours } from './ranking/gallery-neighbours.js'
export { reorder } from './ranking/reorder.js'
export { createPairScorer, type PairScorer } from './stir/create-pair-scorer.js'
export { type LoadedPairModel, loadPairModel } from './stir/load-pair-model.js'
export { minePairs, type Pairs } from './stir/mine-pairs.js'
export { createStir, type StirOptions, type StirSettings } from './stir/stir.js'
export { createStirTrainer } from './stir/train-stir.js'
export type { StirTrainingOptions } from './stir/training-options.js'

declare module '@lookalike/core' {
  interface RerankerPlugins {
    'k-reciprocal': KReciprocalOptions
    'alpha-query-expansion': AlphaQueryExpansionOptions
    'database-augmentation': DatabaseAugmentationOptions
    'reciprocal-rank-fusion': ReciprocalRankFusionOptions
    'constant-threshold': ConstantThresholdOptions
    'adaptive-threshold': AdaptiveThresholdOptions
    stir: StirOptions
    'late-interaction': LateInteractionOptions
  }
  interface TrainerPlugins {
    stir: StirTrainingOptions
  }
}

export default [
  stir,
  stirTrainer,
  lateInteraction,
  kReciprocal,
  alphaQueryExpansion,
  databaseAugmentation,
  reciprocalRankFusion,
  constantThreshold,
  adaptiveThreshold,
]

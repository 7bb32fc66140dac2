import { alphaQueryExpansion, type AlphaQueryExpansionOptions } from './classical/alpha-query-expansion.js'
import { databaseAugmentation, type DatabaseAugmentationOptions } from './classical/database-augmentation.js'
import { kReciprocal, type KReciprocalOptions } from './classical/k-reciprocal.js'
import { reciprocalRankFusion, type ReciprocalRankFusionOptions } from './classical/reciprocal-rank-fusion.js'
import { adaptiveThreshold, constantThreshold, type AdaptiveThresholdOptions, type ConstantThresholdOptions } from './classical/thresholds.js'
import { stir, type StirOptions } from './stir/stir.js'
import { stirTrainer } from './stir/train-stir.js'
import type { StirTrainingOptions } from './stir/training-options.js'

export { createAlphaQueryExpansion, type AlphaQueryExpansionOptions } from './classical/alpha-query-expansion.js'
export { createDatabaseAugmentation, type DatabaseAugmentationOptions } from './classical/database-augmentation.js'
export { createKReciprocal, type KReciprocalOptions } from './classical/k-reciprocal.js'
export { kReciprocalDistances, type KReciprocalInput } from './classical/k-reciprocal-distances.js'
export { createReciprocalRankFusion, type ReciprocalRankFusionOptions } from './classical/reciprocal-rank-fusion.js'
export { createAdaptiveThreshold, createConstantThreshold, type AdaptiveThresholdOptions, type ConstantThresholdOptions } from './classical/thresholds.js'
export { findGalleryNeighbours, type GalleryNeighbours } from './ranking/gallery-neighbours.js'
export { reorder } from './ranking/reorder.js'
export { buildPairModel, type PairEncoder, type PairModel, type PairModelOptions } from './pair/build-pair-model.js'
export { imagePart, pairPart } from './pair/pair-parts.js'
export { readPairSpec, type PairSpec } from './pair/pair-spec.js'
export { minePairs, type Pairs } from './stir/mine-pairs.js'
export { createPairScorer, type PairScorer } from './stir/create-pair-scorer.js'
export { loadPairModel, type LoadedPairModel } from './stir/load-pair-model.js'
export { createStir, type StirOptions, type StirSettings } from './stir/stir.js'
export { createStirTrainer } from './stir/train-stir.js'
export type { StirTrainingOptions } from './stir/training-options.js'
export type { ImageCode } from './stir/code-store.js'

declare module '@lookalike/core' {
  interface RerankerPlugins {
    'k-reciprocal': KReciprocalOptions
    'alpha-query-expansion': AlphaQueryExpansionOptions
    'database-augmentation': DatabaseAugmentationOptions
    'reciprocal-rank-fusion': ReciprocalRankFusionOptions
    'constant-threshold': ConstantThresholdOptions
    'adaptive-threshold': AdaptiveThresholdOptions
    stir: StirOptions
  }
  interface TrainerPlugins {
    stir: StirTrainingOptions
  }
}

export default [
  stir, stirTrainer, kReciprocal, alphaQueryExpansion, databaseAugmentation, reciprocalRankFusion, constantThreshold, adaptiveThreshold,
]

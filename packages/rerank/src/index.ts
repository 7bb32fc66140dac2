import { alphaQueryExpansion, type AlphaQueryExpansionOptions } from './classical/alpha-query-expansion.js'
import { databaseAugmentation, type DatabaseAugmentationOptions } from './classical/database-augmentation.js'
import { kReciprocal, type KReciprocalOptions } from './classical/k-reciprocal.js'
import { reciprocalRankFusion, type ReciprocalRankFusionOptions } from './classical/reciprocal-rank-fusion.js'
import { adaptiveThreshold, constantThreshold, type AdaptiveThresholdOptions, type ConstantThresholdOptions } from './classical/thresholds.js'

export { createAlphaQueryExpansion, type AlphaQueryExpansionOptions } from './classical/alpha-query-expansion.js'
export { createDatabaseAugmentation, type DatabaseAugmentationOptions } from './classical/database-augmentation.js'
export { createKReciprocal, type KReciprocalOptions } from './classical/k-reciprocal.js'
export { kReciprocalDistances, type KReciprocalInput } from './classical/k-reciprocal-distances.js'
export { createReciprocalRankFusion, type ReciprocalRankFusionOptions } from './classical/reciprocal-rank-fusion.js'
export { createAdaptiveThreshold, createConstantThreshold, type AdaptiveThresholdOptions, type ConstantThresholdOptions } from './classical/thresholds.js'
export { findGalleryNeighbours, type GalleryNeighbours } from './ranking/gallery-neighbours.js'
export { reorder } from './ranking/reorder.js'

declare module '@lookalike/core' {
  interface RerankerPlugins {
    'k-reciprocal': KReciprocalOptions
    'alpha-query-expansion': AlphaQueryExpansionOptions
    'database-augmentation': DatabaseAugmentationOptions
    'reciprocal-rank-fusion': ReciprocalRankFusionOptions
    'constant-threshold': ConstantThresholdOptions
    'adaptive-threshold': AdaptiveThresholdOptions
  }
}

export default [kReciprocal, alphaQueryExpansion, databaseAugmentation, reciprocalRankFusion, constantThreshold, adaptiveThreshold]

/* The rerankers that look at embeddings alone: no Node module, no runtime. */

export { type AlphaQueryExpansionOptions, createAlphaQueryExpansion } from './classical/alpha-query-expansion.js'
export { createDatabaseAugmentation, type DatabaseAugmentationOptions } from './classical/database-augmentation.js'
export { createKReciprocal, type KReciprocalOptions } from './classical/k-reciprocal.js'
export { type KReciprocalInput, kReciprocalDistances } from './classical/k-reciprocal-distances.js'
export { createReciprocalRankFusion, type ReciprocalRankFusionOptions } from './classical/reciprocal-rank-fusion.js'
export {
  type AdaptiveThresholdOptions,
  type ConstantThresholdOptions,
  createAdaptiveThreshold,
  createConstantThreshold,
} from './classical/thresholds.js'

import { type CrossModelPluginOptions, crossModelPlugin } from './cross-model-plugin.js'
import { type CrossModelTrainerOptions, crossModelTrainer } from './cross-model-trainer.js'

export { type CrossModel, crossModel } from './cross-model.js'
export type { CrossModelMember, CrossModelOptions, Similarity } from './cross-model-options.js'
export { combineMembers, pairwiseUncertainty, type Weighting } from './ensemble/combine-members.js'
export { fitLikelihood } from './ensemble/fit-likelihood.js'
export { type CrossModelManifest, readCrossModelManifest } from './manifest.js'
export { createTransformer, type Transformer } from './transforms/create-transformer.js'
export { type FitTransformOptions, fitTransform } from './transforms/fit-transform.js'
export { pairEmbeddings } from './transforms/pair-embeddings.js'
export type { TrainedTransform } from './transforms/train-transform.js'
export type { PairedEmbeddings, Transform } from './transforms/transform.js'
export type { TransformOptions } from './transforms/transform-options.js'

declare module '@lookalike/core' {
  interface CombinerPlugins {
    'cross-model': CrossModelPluginOptions
  }
  interface TrainerPlugins {
    'cross-model': CrossModelTrainerOptions
  }
}

export default [crossModelPlugin, crossModelTrainer]

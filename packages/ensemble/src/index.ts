import { contextCombiner, type ContextCombinerOptions } from './combiner/context-combiner.js'
import { contextTrainer } from './trainer/context-trainer.js'

export { type BadTriple, checkTriples, type Cycle, type TripleReport } from './triples/check-triples.js'
export type { CheckedTriple, Question } from './triples/preference-graph.js'
export { CONTEXT_LOSS, contextLoss, marginOf, withSwapped, type ContextLossGradients, type ContextLossOptions, type ContextLossValue, type RowTriple, type TripleClassifier } from './context/context-loss.js'
export { trainMember, type MemberNetwork, type TrainMemberOptions } from './context/train-member.js'
export { applyHead, trainHead, type Head } from './context/train-head.js'
export { createPixelSource, trainNetwork, type NetworkForm, type PixelSource, type TrainNetworkOptions } from './context/train-network.js'
export { addLora, type LoraModel } from './context/add-lora.js'
export { fitFeatureMap, mapFeatures, type FeatureMap } from './context/prepare-features.js'
export { hits, memberGaps, referenceAccuracies } from './context/member-gaps.js'
export { fitPca, projectPca, type Pca } from './linear/fit-pca.js'
export { fitCredibilityMap, MAP_OPTIONS, weightsAt, type CredibilityMap, type MapMode, type MapOptions } from './weights/fit-credibility-map.js'
export { fitMlp, MLP_OPTIONS, predictMlp, type Mlp, type MlpOptions } from './weights/fit-mlp.js'
export { constantWeights, fitWeights, weightsOf, type Weights, type WeightsData, type WeightsOptions } from './weights/fit-weights.js'
export { renderMap } from './weights/render-map.js'
export {
  combineGalleryRows, combineQueryRows, memberDim, sourcesOf, type EnsembleBase, type EnsembleMember, type EnsembleModel, type HeadMember, type NetworkMember, type Source,
} from './combiner/ensemble-model.js'
export { readEnsemble, writeEnsemble } from './combiner/ensemble-file.js'
export { createContextCombiner } from './combiner/create-context-combiner.js'
export { mergeEnsemble, type MergeNetwork } from './merge/merge-ensemble.js'
export { accuracyOf, cutContext, learnFeatures, learnWeights, type MemberOutputs } from './trainer/learn-ensemble.js'
export { createContextTrainer, type ContextTrainerOptions, type ContextTrainerParts } from './trainer/context-trainer.js'

declare module '@lookalike/core' {
  interface CombinerPlugins {
    'context-ensemble': ContextCombinerOptions
  }
}

export default [contextCombiner, contextTrainer]

import { type ContextCombinerOptions, contextCombiner } from './combiner/context-combiner.js'
import { contextLossPlugin, cosineLossPlugin } from './context/triple-losses.js'
import { contextTrainer } from './trainer/context-trainer.js'

export { createContextCombiner } from './combiner/create-context-combiner.js'
export { encodeEnsemble, readEnsemble } from './combiner/ensemble-file.js'
export {
  combineGalleryRows,
  combineQueryRows,
  type EnsembleBase,
  type EnsembleMember,
  type EnsembleModel,
  type HeadMember,
  memberDim,
  type NetworkMember,
  type Source,
  sourcesOf,
} from './combiner/ensemble-model.js'
export { addLora, type LoraModel } from './context/add-lora.js'
export {
  CONTEXT_LOSS,
  type ContextLossGradients,
  type ContextLossOptions,
  type ContextLossValue,
  contextLoss,
  marginOf,
  type TripleClassifier,
  withSwapped,
} from './context/context-loss.js'
export { hits, memberGaps, referenceAccuracies } from './context/member-gaps.js'
export { type FeatureMap, fitFeatureMap, mapFeatures } from './context/prepare-features.js'
export { applyHead, type Head, trainHead } from './context/train-head.js'
export { type MemberNetwork, type TrainMemberOptions, trainMember } from './context/train-member.js'
export {
  createPixelSource,
  type NetworkForm,
  type PixelSource,
  type TrainNetworkOptions,
  trainNetwork,
} from './context/train-network.js'
export { contextTripleLoss, cosineTripleLoss } from './context/triple-losses.js'
export { fitPca, type Pca, projectPca } from './linear/fit-pca.js'
export { type MergeNetwork, mergeEnsemble } from './merge/merge-ensemble.js'
export { createContextTrainer } from './trainer/context-trainer.js'
export { accuracyOf, cutContext, learnFeatures, learnWeights, type MemberOutputs } from './trainer/learn-ensemble.js'
export type { ContextTrainerOptions, ContextTrainerParts } from './trainer/trainer-options.js'
export { type BadTriple, type Cycle, checkTriples, type TripleReport } from './triples/check-triples.js'
export type { CheckedTriple, Question } from './triples/preference-graph.js'
export {
  type CredibilityMap,
  fitCredibilityMap,
  MAP_OPTIONS,
  type MapMode,
  type MapOptions,
  weightsAt,
} from './weights/fit-credibility-map.js'
export { fitGate, type Gate, type GateTriples, predictGate } from './weights/fit-gate.js'
export { fitMlp, MLP_OPTIONS, type Mlp, type MlpOptions, predictMlp } from './weights/fit-mlp.js'
export {
  constantWeights,
  fitWeights,
  type Weights,
  type WeightsData,
  type WeightsOptions,
  weightsOf,
} from './weights/fit-weights.js'
export { type ReferenceSkill, referenceSkill } from './weights/reference-skill.js'
export { renderMap } from './weights/render-map.js'

declare module '@lookalike/core' {
  interface CombinerPlugins {
    'context-ensemble': ContextCombinerOptions
  }
}

export default [contextCombiner, contextTrainer, contextLossPlugin, cosineLossPlugin]

import { type ContextCombinerOptions, contextCombiner } from './combiner/context-combiner.js'
import { type EnsembleEncoderOptions, ensembleEncoder } from './combiner/ensemble-encoder.js'
import { contextLossPlugin, cosineLossPlugin } from './context/triple-losses.js'
import { contextTrainer } from './trainer/context-trainer.js'

export { createContextCombiner } from './combiner/create-context-combiner.js'
export { readEnsemble } from './combiner/ensemble-file.js'
export {
  type EnsembleBase,
  type EnsembleMember,
  type EnsembleModel,
  type HeadMember,
  memberDim,
  type NetworkMember,
  type Source,
} from './combiner/ensemble-model.js'
export type { TripleClassifier } from './context/context-loss.js'
export { hits, memberGaps, referenceAccuracies } from './context/member-gaps.js'
export { type FeatureMap, mapFeatures } from './context/prepare-features.js'
export { applyHead, type Head, trainHead } from './context/train-head.js'
export type { MemberNetwork, TrainMemberOptions } from './context/train-member.js'
export {
  createPixelSource,
  type NetworkForm,
  type PixelSource,
  type TrainNetworkOptions,
  trainNetwork,
} from './context/train-network.js'
export { contextTripleLoss, cosineTripleLoss } from './context/triple-losses.js'
export type { Pca } from './linear/fit-pca.js'
export { createContextTrainer } from './trainer/context-trainer.js'
export { accuracyOf, cutContext, learnFeatures, learnWeights, type MemberOutputs } from './trainer/learn-ensemble.js'
export type { ContextTrainerOptions, ContextTrainerParts } from './trainer/trainer-options.js'
export { type BadTriple, type Cycle, checkTriples, type TripleReport } from './triples/check-triples.js'
export type { CheckedTriple, Question } from './triples/preference-graph.js'
export { type CredibilityMap, MAP_OPTIONS, type MapMode, type MapOptions } from './weights/fit-credibility-map.js'
export type { Gate } from './weights/fit-gate.js'
export type { Mlp, MlpOptions } from './weights/fit-mlp.js'
export { type Weights, type WeightsData, type WeightsOptions, weightsOf } from './weights/fit-weights.js'
export { type ReferenceSkill, referenceSkill } from './weights/reference-skill.js'

declare module '@lookalike/core' {
  interface CombinerPlugins {
    'context-ensemble': ContextCombinerOptions
  }
  interface EncoderPlugins {
    'context-ensemble': EnsembleEncoderOptions
  }
}

export default [contextCombiner, ensembleEncoder, contextTrainer, contextLossPlugin, cosineLossPlugin]

import { crossBatchMemoryPlugin } from './cross-batch-memory.js'
import { circlePlugin } from './pair/circle.js'
import { contrastivePlugin } from './pair/contrastive.js'
import { multiSimilarityPlugin } from './pair/multi-similarity.js'
import { ntXentPlugin } from './pair/nt-xent.js'
import { supConPlugin } from './pair/sup-con.js'
import { tripletPlugin } from './pair/triplet.js'
import { arcfacePlugin } from './proxy/arcface.js'
import { cosfacePlugin } from './proxy/cosface.js'
import { proxyAnchorPlugin } from './proxy/proxy-anchor.js'
import { proxyNcaPpPlugin } from './proxy/proxy-nca-pp.js'
import { softTriplePlugin } from './proxy/soft-triple.js'
import { sumOfLossesPlugin } from './sum-of-losses.js'

export type { TensorflowBackend } from './backend/load-tensorflow.js'
export type { Tensorflow } from './backend/tensorflow.js'
export { type CrossBatchMemoryOptions, crossBatchMemory } from './cross-batch-memory.js'
export { type BackendDescription, describeBackend } from './describe-backend.js'
export {
  type FromTensorflowOptions,
  fromTensorflow,
  type TensorflowInput,
  type TensorflowLoss,
  type TensorflowParameter,
} from './from-tensorflow.js'
export { type CircleOptions, circle } from './pair/circle.js'
export { type ContrastiveOptions, contrastive } from './pair/contrastive.js'
export {
  createPairLoss,
  type PairLoss,
  type PairLossDefinition,
  type PairMemory,
  type PairValue,
  type UnboundPairLoss,
} from './pair/create-pair-loss.js'
export { type MultiSimilarityOptions, multiSimilarity } from './pair/multi-similarity.js'
export { type NtXentOptions, ntXent } from './pair/nt-xent.js'
export type { Pairs } from './pair/pairs.js'
export { type SupConOptions, supCon } from './pair/sup-con.js'
export { type TripletOptions, triplet } from './pair/triplet.js'
export type { Matrix, Products } from './products/products.js'
export { type ArcfaceOptions, arcface } from './proxy/arcface.js'
export { type CosfaceOptions, cosface } from './proxy/cosface.js'
export { createProxyLoss, type ProxyLossDefinition } from './proxy/create-proxy-loss.js'
export { type ProxyAnchorOptions, proxyAnchor } from './proxy/proxy-anchor.js'
export type { ProxyKernel, SimilarityBlock } from './proxy/proxy-kernel.js'
export { type ProxyNcaPpOptions, proxyNcaPp } from './proxy/proxy-nca-pp.js'
export type { ProxyExtras } from './proxy/proxy-options.js'
export { type SoftTripleOptions, softTriple } from './proxy/soft-triple.js'
export type { Regulariser, RegulariserInput, RegulariserOutput } from './regularise/regulariser.js'
export { type SoftOrthogonalityOptions, softOrthogonality } from './regularise/soft-orthogonality.js'
export { type SumTerm, sumOfLosses } from './sum-of-losses.js'
export { type Weight, type WeightSchedule, weightAt, weightSchema } from './weight-schedule.js'

export default [
  proxyAnchorPlugin,
  arcfacePlugin,
  cosfacePlugin,
  proxyNcaPpPlugin,
  softTriplePlugin,
  tripletPlugin,
  contrastivePlugin,
  multiSimilarityPlugin,
  ntXentPlugin,
  supConPlugin,
  circlePlugin,
  crossBatchMemoryPlugin,
  sumOfLossesPlugin,
]

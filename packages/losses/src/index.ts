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

export { proxyAnchor, type ProxyAnchorOptions } from './proxy/proxy-anchor.js'
export { arcface, type ArcfaceOptions } from './proxy/arcface.js'
export { cosface, type CosfaceOptions } from './proxy/cosface.js'
export { proxyNcaPp, type ProxyNcaPpOptions } from './proxy/proxy-nca-pp.js'
export { softTriple, type SoftTripleOptions } from './proxy/soft-triple.js'
export type { ProxyExtras } from './proxy/proxy-options.js'
export { createProxyLoss, type ProxyLossDefinition } from './proxy/create-proxy-loss.js'
export type { ProxyKernel, SimilarityBlock } from './proxy/proxy-kernel.js'

export { triplet, type TripletOptions } from './pair/triplet.js'
export { contrastive, type ContrastiveOptions } from './pair/contrastive.js'
export { multiSimilarity, type MultiSimilarityOptions } from './pair/multi-similarity.js'
export { ntXent, type NtXentOptions } from './pair/nt-xent.js'
export { supCon, type SupConOptions } from './pair/sup-con.js'
export { circle, type CircleOptions } from './pair/circle.js'
export {
  createPairLoss,
  type PairLoss,
  type PairLossDefinition,
  type PairMemory,
  type PairValue,
  type UnboundPairLoss,
} from './pair/create-pair-loss.js'
export type { Pairs } from './pair/pairs.js'

export { softOrthogonality, type SoftOrthogonalityOptions } from './regularise/soft-orthogonality.js'
export type { Regulariser, RegulariserInput, RegulariserOutput } from './regularise/regulariser.js'
export { crossBatchMemory, type CrossBatchMemoryOptions } from './cross-batch-memory.js'
export { sumOfLosses, type SumTerm } from './sum-of-losses.js'
export { weightAt, weightSchema, type Weight, type WeightSchedule } from './weight-schedule.js'
export {
  fromTensorflow,
  type FromTensorflowOptions,
  type TensorflowInput,
  type TensorflowLoss,
  type TensorflowParameter,
} from './from-tensorflow.js'
export { describeBackend, type BackendDescription } from './describe-backend.js'
export type { Tensorflow, TensorflowBackend } from './backend/load-tensorflow.js'
export type { Matrix, Products } from './products/products.js'

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

export { type AttributeValue, toAttribute } from './builder/attributes.js'
export * from './builder/create-graph-builder.js'
export type { AttributeValues, GraphBuilderOptions, NodeBuilder, NodeOptions } from './builder/node-builder.js'
export {
  type ConvolutionOptions,
  type GemmOptions,
  type Operators,
  type PoolOptions,
  TO_END,
} from './builder/operators.js'
export * from './check/check-gradients.js'
export * from './check/create-checked-session.js'
export * from './check/diagnose-training.js'
export * from './cost/budget-schema.js'
export * from './cost/count-multiplications.js'
export { type DifferentiateOptions, differentiate, type GradientModel } from './gradient/differentiate.js'
export { type Probe, type ProbeOptions, probe } from './gradient/probe.js'
export { type QuantisedWeight, quantisedWeights } from './gradient/quantised-weights.js'
export { trainableInitializers } from './gradient/trainable-initializers.js'
export type { ReadExternal } from './model/decode-tensor.js'
export * from './model/half.js'
export type * from './model/model.js'
export * from './model/read-model.js'
export type { Tensor, TensorData, TensorOf, TensorType } from './model/tensor.js'
export { float32, int64, sizeOf, toNumbers } from './model/tensor.js'
export { modelParts, writeModel } from './model/write-model.js'
export * from './session/check-providers.js'
export { createSession } from './session/create-session.js'
export {
  type Execution,
  type Feeds,
  OPTIMISATIONS,
  type Optimisation,
  type RunOptions,
  type Session,
  type SessionOptions,
} from './session/open-session.js'
export { PROVIDERS, type Provider } from './session/providers.js'
export { runtimeVersion } from './session/runtime.js'
export * from './transform/attention/fuse-attention.js'
export * from './transform/connect-models.js'
export * from './transform/extract-model.js'
export { cutGraph, readsOf } from './transform/needed-nodes.js'
export * from './transform/resize-grid.js'
export * from './transform/shrink-weights.js'
export * from './transform/with-initializers.js'

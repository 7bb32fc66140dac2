import { affinePlugin } from './augmentations/affine.js'
import { blurPlugin } from './augmentations/blur.js'
import { channelShufflePlugin } from './augmentations/channel-shuffle.js'
import { colorJitterPlugin } from './augmentations/color-jitter.js'
import { degradePlugin } from './augmentations/degrade.js'
import { erasingPlugin } from './augmentations/erasing.js'
import { flipPlugin } from './augmentations/flip.js'
import { grayscalePlugin } from './augmentations/grayscale.js'
import { invertPlugin } from './augmentations/invert.js'
import { randomResizedCropPlugin } from './augmentations/random-resized-crop.js'
import { rotationPlugin } from './augmentations/rotation.js'
import { headPlugin } from './metric-learning/head-on-frozen.js'
import { metricLearningPlugin } from './metric-learning/metric-learning.js'
import { balancedPlugin } from './samplers/balanced.js'
import { categoryBalancedPlugin } from './samplers/category-balanced.js'
import { plainPlugin } from './samplers/plain.js'

export { type AffineOptions, affine } from './augmentations/affine.js'
export { type BlurOptions, blur } from './augmentations/blur.js'
export { type ChannelShuffleOptions, channelShuffle } from './augmentations/channel-shuffle.js'
export { type ColorJitterOptions, colorJitter } from './augmentations/color-jitter.js'
export { type DegradeOptions, degrade } from './augmentations/degrade.js'
export { type ErasingOptions, erasing } from './augmentations/erasing.js'
export { type FlipOptions, flip } from './augmentations/flip.js'
export { type GrayscaleOptions, grayscale } from './augmentations/grayscale.js'
export { type InvertOptions, invert } from './augmentations/invert.js'
export { type RandomResizedCropOptions, randomResizedCrop } from './augmentations/random-resized-crop.js'
export { type RotationOptions, rotation } from './augmentations/rotation.js'
export { COSTS_FILE, costOf, measureCost } from './budget/measure-costs.js'
export { measureValidation } from './data/measure-validation.js'
export { selectTrainingData, type TrainingData } from './data/select-training-data.js'
export {
  type BatchLoader,
  type BatchLoaderOptions,
  createBatchLoader,
  type LoadedTrainingBatch,
} from './loading/create-batch-loader.js'
export type { AugmentationOrigin } from './loading/create-fillers.js'
export { decodeForTraining, type TrainingImage } from './loading/training-image.js'
export { memoryRun } from './loop/memory-run.js'
export { runTrainingLoop } from './loop/run-training-loop.js'
export type { Best, TrainingLoopOptions, TrainingLoopResult } from './loop/training-loop-options.js'
export type { Position, StepResult, TrainingTask } from './loop/training-task.js'
export { type HeadTrainerOptions, type HeadTrainerParts, headOnFrozen } from './metric-learning/head-on-frozen.js'
export {
  type MetricLearningOptions,
  type MetricLearningParts,
  metricLearning,
} from './metric-learning/metric-learning.js'
export { buildHead, type Head, type HeadOptions } from './model/add-head.js'
export * from './model/create-trainable-model.js'
export { matchNames } from './model/match-names.js'
export {
  createOptimizer,
  type Optimizer,
  type OptimizerOptions,
} from './optimizer/create-optimizer.js'
export { decays, type Parameter } from './optimizer/parameter.js'
export { type Schedule, type ScheduleOptions, scheduleAt, scheduleSchema } from './optimizer/schedule.js'
export { type BalancedOptions, balanced } from './samplers/balanced.js'
export { type CategoryBalancedOptions, categoryBalanced } from './samplers/category-balanced.js'
export { type PlainOptions, plain } from './samplers/plain.js'

export default [
  balancedPlugin,
  categoryBalancedPlugin,
  plainPlugin,
  affinePlugin,
  blurPlugin,
  channelShufflePlugin,
  colorJitterPlugin,
  degradePlugin,
  erasingPlugin,
  flipPlugin,
  grayscalePlugin,
  invertPlugin,
  randomResizedCropPlugin,
  rotationPlugin,
  metricLearningPlugin,
  headPlugin,
]

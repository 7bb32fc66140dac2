import { affinePlugin } from './augmentations/affine.js'
import { blurPlugin } from './augmentations/blur.js'
import { channelShufflePlugin } from './augmentations/channel-shuffle.js'
import { colorJitterPlugin } from './augmentations/color-jitter.js'
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

export { balanced, type BalancedOptions } from './samplers/balanced.js'
export { categoryBalanced, type CategoryBalancedOptions } from './samplers/category-balanced.js'
export { plain, type PlainOptions } from './samplers/plain.js'
export { affine, type AffineOptions } from './augmentations/affine.js'
export { blur, type BlurOptions } from './augmentations/blur.js'
export { channelShuffle, type ChannelShuffleOptions } from './augmentations/channel-shuffle.js'
export { colorJitter, type ColorJitterOptions } from './augmentations/color-jitter.js'
export { erasing, type ErasingOptions } from './augmentations/erasing.js'
export { flip, type FlipOptions } from './augmentations/flip.js'
export { grayscale, type GrayscaleOptions } from './augmentations/grayscale.js'
export { invert, type InvertOptions } from './augmentations/invert.js'
export { randomResizedCrop, type RandomResizedCropOptions } from './augmentations/random-resized-crop.js'
export { rotation, type RotationOptions } from './augmentations/rotation.js'
export { metricLearning, type MetricLearningOptions, type MetricLearningParts } from './metric-learning/metric-learning.js'
export { headOnFrozen, type HeadTrainerOptions, type HeadTrainerParts } from './metric-learning/head-on-frozen.js'
export { createCheckpointStore, type CheckpointStore, type Identity } from './checkpoint/create-checkpoint-store.js'
export type { Checkpoint } from './checkpoint/checkpoint-file.js'
export { runTrainingLoop, type Best, type TrainingLoopOptions, type TrainingLoopResult } from './loop/run-training-loop.js'
export type { Position, StepResult, TrainingTask } from './loop/training-task.js'
export { createBatchLoader, type BatchLoader, type BatchLoaderOptions, type LoadedTrainingBatch } from './loading/create-batch-loader.js'
export type { AugmentationOrigin } from './loading/create-fillers.js'
export { augmentInto, decodeForTraining, type TrainingImage } from './loading/training-image.js'
export { selectTrainingData, type TrainingData } from './data/select-training-data.js'
export { hashData } from './data/hash-data.js'
export { measureValidation } from './data/measure-validation.js'
export { addHead, buildHead, connectHead, type Head, type HeadOptions } from './model/add-head.js'
export * from './model/create-trainable-model.js'
export { matchNames } from './model/match-names.js'
export { createOptimizer, optimizerSchema, type ArrayState, type Optimizer, type OptimizerOptions } from './optimizer/create-optimizer.js'
export { createMovingAverage, type MovingAverage } from './optimizer/moving-average.js'
export { decays, type Parameter } from './optimizer/parameter.js'
export { scheduleAt, scheduleSchema, type Schedule, type ScheduleOptions } from './optimizer/schedule.js'

export default [
  balancedPlugin,
  categoryBalancedPlugin,
  plainPlugin,
  affinePlugin,
  blurPlugin,
  channelShufflePlugin,
  colorJitterPlugin,
  erasingPlugin,
  flipPlugin,
  grayscalePlugin,
  invertPlugin,
  randomResizedCropPlugin,
  rotationPlugin,
  metricLearningPlugin,
  headPlugin,
]

import type { Preprocessing, Sampler, TrainerRequest, UnboundLoss } from '@lookalike/core'
import type { Feeds, OnnxModel } from '@lookalike/onnx'
import type { TrainingData } from '../data/select-training-data.js'
import type { TrainableModel } from '../model/create-trainable-model.js'
import type { CommonSettings } from './common-options.js'
import type { Distillation } from './distillation.js'

export interface EmbeddingBatch {
  /** Positions of the images among the training items. */
  readonly positions: Int32Array
  readonly feeds: Feeds
}

/** A network that makes embeddings, and what it is trained on. */
export interface EmbeddingTraining {
  readonly request: TrainerRequest
  /** Name of the trainer, for the card. */
  readonly trainer: string
  readonly settings: CommonSettings
  /** All options, for the card. */
  readonly options: Readonly<Record<string, unknown>>
  readonly data: TrainingData
  readonly sampler: Sampler
  readonly loss: UnboundLoss
  readonly model: TrainableModel
  readonly output: string
  readonly dim: number
  /** Hash of the network that the run starts from. */
  readonly network: string
  /** While the head alone is trained: how many epochs, and its weights. */
  readonly headOnly?: { readonly epochs: number; readonly names: readonly string[] } | undefined
  /** A teacher whose embeddings are to be met besides what the loss wants. */
  readonly distillation?: Distillation | undefined
  /** Facts for the log. */
  readonly about?: Readonly<Record<string, unknown>> | undefined
  load(epoch: number, batches: readonly Int32Array[], start: number): AsyncIterable<EmbeddingBatch>
  /** Embeddings of the validation items and which items they are of. */
  embedValidation(weights: ReadonlyMap<string, Float32Array> | undefined): Promise<Readonly<Record<string, number>>>
  /** The encoder as it was. */
  readonly untuned: {
    readonly network: OnnxModel
    readonly dim: number
    /** Its validation figures. */
    measure(): Promise<Readonly<Record<string, number>>>
  }
  /** The whole network with the trained weights. */
  finish(weights: ReadonlyMap<string, Float32Array>): OnnxModel
  readonly preprocessing: Preprocessing
}

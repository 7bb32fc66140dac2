import type { Dataset } from './dataset.js'
import type { Encoder } from './encoder.js'
import type { RawImage } from './image.js'
import type { OperationOptions, SpecVersion } from './spec.js'

/** A seeded source of randomness. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  /** Uniform integer in [0, n). */
  integer(n: number): number
  /** Standard normal. */
  normal(): number
  /** A new order of 0 .. n-1. */
  permutation(n: number): Int32Array
  /** An independent stream; the same name gives the same stream. */
  fork(name: string): Random
}

/** What a sampler plugin creates. */
export interface Sampler {
  readonly specVersion: SpecVersion
  readonly name: string
  /**
   * The batches of one epoch, each the positions of its items. The same `random` gives the same batches.
   * `labels` and `categories` hold one class number an item.
   */
  epoch(items: SamplerItems, random: Random): readonly Int32Array[]
}

export interface SamplerItems {
  readonly labels: Int32Array
  readonly categories?: Int32Array
}

/** What an augmentation plugin creates: a pure function of pixels and randomness, also run in worker threads. */
export interface Augmentation {
  readonly specVersion: SpecVersion
  readonly name: string
  /** `target` is the model's input size in pixels, for augmentations that crop to it. */
  apply(
    image: RawImage,
    random: Random,
    target: { readonly width: number; readonly height: number },
  ): RawImage | Promise<RawImage>
}

export interface TrainerRequest extends OperationOptions {
  readonly dataset: Dataset
  /** The encoder to start from. */
  readonly encoder: Encoder
  /** Where the run writes: checkpoints, `log.jsonl`, `model.onnx`, ... */
  readonly folder: string
  readonly seed: number
  /** Continue from the folder's last checkpoint. */
  readonly resume: boolean
}

export interface TrainerResult {
  /** Main artefact, relative to the run's folder (`model.onnx`, or a folder with a manifest). */
  readonly artefact: string
  /** Final figures for people. */
  readonly metrics: Readonly<Record<string, number>>
  readonly stopped: 'finished' | 'early' | 'aborted'
}

/** A way to train: metric learning of an encoder, a pair model, an ensemble, transforms. */
export interface Trainer {
  readonly specVersion: SpecVersion
  readonly name: string
  train(request: TrainerRequest): Promise<TrainerResult>
}

import type { Dataset } from './dataset.js'
import type { Encoder } from './encoder.js'
import type { ImageLimits, ImageRequest, RawImage } from './image.js'
import type { EmbeddedImages, EmbedOptions } from './model.js'
import type { Run } from './run.js'
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
  readonly categories?: Int32Array | undefined
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
  /** Where everything that is worth keeping goes: checkpoints, log, card, artefacts. */
  readonly run: Run
  /** How images are read that the trainer decodes itself. */
  readonly images?: ImageLimits | undefined
  /** Embeds images by any encoder: cached, within the limits, and with the signal, progress and warnings of this request, unless `options` say otherwise. */
  embed(encoder: Encoder, images: readonly ImageRequest[], options?: EmbedOptions): Promise<EmbeddedImages>
}

/** A network's accuracy beside what it costs. */
export interface ModelCost {
  readonly name: string
  /** Validation figures in [0, 1]; none where there was nothing to measure. */
  readonly metrics: Readonly<Record<string, number>>
  /** Of the matrix products and convolutions for one query image, in millions; absent where they cannot be told. */
  readonly millionMultiplications?: number | undefined
  /** Of the ONNX file with 32-bit weights; absent where the encoder is none. */
  readonly bytes?: number | undefined
  /** From the pixels of one image to its vector on this machine, median; absent where the encoder takes files. */
  readonly milliseconds?: number | undefined
}

export interface TrainerResult {
  /** Main artefact, relative to the run's folder (`model.onnx`, or a manifest). */
  readonly artefact: string
  /** Final figures for people. */
  readonly metrics: Readonly<Record<string, number>>
  readonly stopped: 'finished' | 'early' | 'aborted'
  /**
   * The plugin that a config names to use the artefact, and which of its options takes the artefact's path, or its folder's. Default: the artefact
   * is an encoder where it is an ONNX file.
   */
  readonly usedBy?:
    | {
        readonly kind: 'reranker' | 'combiner'
        readonly use: string
        readonly option: string
        readonly path: 'file' | 'directory'
        /** Further options that the training proposes. */
        readonly options?: Readonly<Record<string, number | string | boolean>> | undefined
      }
    | undefined
  /** What the artefact holds where that is not what was trained: the encoder as it was, because training made it no better. */
  readonly kept?: 'untuned' | undefined
  /** What was trained within a budget, first, and what it is measured beside. */
  readonly costs?: readonly ModelCost[] | undefined
}

/** What a training is estimated from: as for the training, without a run; embedding is not cached. */
export interface EstimateRequest extends Omit<TrainerRequest, 'run'> {
  readonly seed: number
}

/** What a training takes on this machine, measured on a few images. */
export interface TrainingEstimate {
  /** Its parts, one after the other. */
  readonly parts: readonly {
    readonly name: string
    readonly count: number
    /** Of what: `step`, `image`, `pair`. */
    readonly unit: string
    readonly secondsEach: number
  }[]
  /** Most memory of the process, bytes. */
  readonly bytes: number
}

/** A way to train: metric learning of an encoder, a pair model, an ensemble, transforms. */
export interface Trainer {
  readonly specVersion: SpecVersion
  readonly name: string
  /**
   * The options that decide what comes out, defaults filled in: a run that goes on must have the same. Options that only change how it goes
   * (threads, how often it is saved) are left out. Default: all that the config says.
   */
  readonly settings?: Readonly<Record<string, unknown>> | undefined
  train(request: TrainerRequest): Promise<TrainerResult>
  /** How long, and how much memory, before anything is trained: in seconds, on a few images, and nothing is written. */
  estimate?(request: EstimateRequest): Promise<TrainingEstimate>
}

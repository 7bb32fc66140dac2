import type {
  Dataset,
  Encoder,
  EvaluationResult,
  Gallery,
  GalleryStore,
  ImageAccess,
  ImageRequest,
  Model,
  OperationOptions,
  PluginRef,
  Reranker,
  TrainerResult,
  VectorIndexEngine,
} from '@lookalike/core'
import type { Embed, NoMatchThreshold } from '@lookalike/evaluate'
import type { FoundImages, ImageToIndex, Indexed, Shard } from '@lookalike/image'
import type { Config } from './config/config.js'
import type { ResolvedConfig } from './config/resolve-config.js'
import type { SearchImagesOptions, SearchResult } from './gallery/search-images.js'
import type { TrainingForecast } from './stages/forecast-training.js'
import type { PreparedStage, StageTraining, TrainStagesOptions } from './stages/train-stages.js'

export interface PipelineOptions extends Pick<OperationOptions, 'signal' | 'onWarning'> {
  /** The gallery that a folder is, where the config names no plugin for it. */
  readonly galleryOfFolder?: ((folder: string) => PluginRef<'gallery'>) | undefined
  /** The encoder that a trained model is, an ONNX file. Given, evaluation compares the config with what its stages trained. */
  readonly encoderOfFile?: ((file: string) => PluginRef<'encoder'>) | undefined
}

export interface IndexOptions extends OperationOptions {
  /** Default: the config's, opened for this call. */
  readonly gallery?: Gallery | undefined
  /** Takes images out of the gallery that are not among the given ones. Not with `shard`. Default false. */
  readonly prune?: boolean | undefined
  /** What http addresses among the images may name. Default: as the config says. */
  readonly urls?: ImageAccess['urls'] | undefined
  /**
   * Index this part of the images alone. A gallery that is a folder has one writer: the shard is made in a gallery of its own beside it, from which
   * images that are not of the shard are taken out, and `mergeShards` puts them together. Other galleries get the images themselves. Default: all.
   */
  readonly shard?: Shard | undefined
  /** Bring the search index and what rerankers keep up to date. Default true. */
  readonly prepare?: boolean | undefined
}

export interface SearchOptions extends SearchImagesOptions {
  /** Default: the config's, opened once and kept open. */
  readonly gallery?: Gallery | undefined
}

/** A config at work. Everything is made when it is first needed, once. */
export interface Pipeline {
  readonly config: Config
  /** The folder of this config's run. */
  readonly runFolder: string
  /** The config as runs write it beside their results. */
  readonly resolved: ResolvedConfig
  /** A path of the config as an absolute one; an S3 address as it is. */
  path(relative: string): string
  /** Folders whose files galleries may name, besides the one that each lies in; absolute. And what S3 addresses may begin with. */
  readonly imageFolders: readonly string[]
  /** Folders that hold no images of their own: those of the gallery, of the cache and of runs; absolute. */
  readonly ownFolders: readonly string[]
  /** @throws `config/missing` when the config names no dataset. */
  dataset(): Promise<Dataset>
  /** The config's encoder by itself, whether or not a combiner uses it. */
  encoder(): Promise<Encoder>
  /** The combiner where the config has one, else the encoder. */
  model(): Promise<Model>
  engine(): Promise<VectorIndexEngine>
  /** Where the config's gallery is, or will be. */
  gallery(): Promise<GalleryStore>
  /**
   * Opens the config's gallery for its model. Whoever opens it closes it.
   *
   * @param held for whatever model it was made, without making the config's; then there must be one
   * @throws what `GalleryStore.open` throws
   */
  openGallery(
    mode: 'read' | 'write',
    options?: OperationOptions & {
      readonly held?: boolean
      /** The gallery of this folder in the place of the config's. */
      readonly folder?: string | undefined
    },
  ): Promise<Gallery>
  /** Brings the search index and what the config's rerankers keep up to date, after images came into a gallery. */
  prepareGallery(gallery: Gallery, options?: OperationOptions): Promise<void>
  /** Only what the config's rerankers keep. */
  prepareRerankers(gallery: Gallery, options?: OperationOptions): Promise<void>
  /**
   * The images that `index` takes, in its order.
   *
   * @throws `index/no-images`, `image/not-found`, `image/unreadable-folder`
   */
  listImages(images?: string | readonly (string | ImageToIndex)[], options?: OperationOptions): Promise<FoundImages>
  rerankers(): Promise<readonly Reranker[]>
  /** Embeds images as the config says: limits, cache, what happens with corrupt ones. By another model than the config's when one is given. */
  embed: Embed
  /**
   * Embeds images into a gallery, for the config's rerankers too. Unchanged images cost their reading, changed ones are replaced.
   *
   * @param images folders, files, URLs, or images with what is to be said of them. Default: the gallery images of the dataset.
   * @throws `index/no-images`, `index/nothing-readable`, `index/duplicate-id`, the codes of the gallery.
   */
  index(images?: string | readonly (string | ImageToIndex)[], options?: IndexOptions): Promise<Indexed>
  /**
   * The k images of a gallery that look most like each query, reranked as the config says.
   *
   * @throws the codes of image reading: a query that cannot be read is an error. the codes of the gallery
   */
  search(images: readonly (string | ImageRequest)[], k: number, options?: SearchOptions): Promise<SearchResult[]>
  /**
   * The distance from which on this config's search answers "no match": a query without a mate is answered with a probability of at most
   * `target`, over calibrations on the queries of `evaluate.calibration`. `SearchOptions.noMatch` takes it.
   *
   * @throws `config/missing` without a dataset, `search/no-calibration`, `metrics/target`
   */
  noMatchThreshold(
    target: number,
    options?: OperationOptions & Pick<SearchOptions, 'gallery'>,
  ): Promise<NoMatchThreshold>
  /**
   * The uncertainty up to which images of a gallery may stay, so that a wrong first result is as rare as `target`.
   *
   * @throws as `noMatchThreshold`, `gallery/no-uncertainty`
   */
  rejectionThreshold(target: number, options?: OperationOptions & Pick<SearchOptions, 'gallery'>): Promise<number>
  /** Measures the config on its dataset; with `asking`, as if that encoder embedded the queries. */
  evaluate(options?: OperationOptions & { readonly asking?: Encoder | undefined }): Promise<EvaluationResult>
  /** Writes an evaluation through the config's reporters; resolves to the files. */
  report(result: EvaluationResult): Promise<readonly string[]>
  /**
   * Trains into the run's folder.
   *
   * @throws `config/missing` when the config says nothing about training, `train/run-exists` when the folder holds a
   * training run that is neither resumed nor overwritten, `train/run-differs` when it was started with another config.
   */
  train(options?: Parameters<PreparedStage['train']>[0]): Promise<TrainerResult>
  /**
   * Trains the config's stages, one after the other, each into its folder in the run's folder. With `resume`, finished stages stay as they are and
   * a half one goes on.
   *
   * @throws as `train` does.
   */
  trainStages(options?: TrainStagesOptions): Promise<readonly StageTraining[]>
  /**
   * How long training will take here, and how much memory, stage by stage: measured on a few images, and nothing is written. A stage whose
   * encoder is still to be trained is measured with the one that training starts from.
   *
   * @throws as `train` does, but for the run's folder.
   */
  forecast(options?: OperationOptions): Promise<readonly TrainingForecast[]>
  dispose(): Promise<void>
}

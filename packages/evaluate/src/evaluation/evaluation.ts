import type {
  Dataset,
  EmbedOptions,
  ImageRequest,
  Model,
  ModelImages,
  OperationOptions,
  Reranker,
  Split,
  VectorIndexEngine,
} from '@lookalike/core'

/** Embeds images by a model: `pipeline.embed` with the config's limits and cache, or `model.embed` alone. */
export type Embed = (
  images: readonly ImageRequest[],
  role: 'query' | 'gallery',
  options?: OperationOptions &
    Pick<EmbedOptions, 'onCorrupt'> & { readonly model?: Model | undefined; readonly cache?: false },
) => Promise<ModelImages>

/** What is measured, and how. */
export interface Evaluation {
  /** For the report. */
  readonly name: string
  readonly dataset: Dataset
  readonly split: Split
  readonly model: Model
  readonly embed: Embed
  readonly engine: VectorIndexEngine
  /** Applied in this order; each is a stage. */
  readonly rerankers: readonly Reranker[]
  /** Cut-offs of the metrics at k, and how many first results each query keeps. */
  readonly ks: readonly number[]
  /** As `metricNames` takes them. */
  readonly metrics: readonly string[]
  /** Whether the model's baselines are measured too. */
  readonly baselines: boolean
  /** Shares of wrong first results to calibrate thresholds of the uncertainty for, each in (0, 1). */
  readonly targetRisks?: readonly number[] | undefined
  /** For what is drawn at random, such as the random rejection. */
  readonly seed: number
}

import type { PluginRef } from '@lookalike/core'

/** What a config file holds. Relative paths start at the folder of the config file. */
export interface UserConfig {
  /** Address of the JSON Schema that `lookalike schema` writes, for completion in editors. */
  $schema?: string
  /** Configs that this one builds on: a path, a package, or several, later ones winning. Objects merge, arrays replace. */
  extends?: string | string[]
  /** Name of the run's folder. Default: the name of the config's folder. */
  name?: string
  /** Every random choice follows it. Default 0. */
  seed?: number
  /** Packages and files that bring plugins besides the built-in ones. */
  plugins?: string[]
  /** The images to index, evaluate or train on. */
  dataset?: PluginRef<'dataset'>
  /** Images to vectors; what training starts from. Default `mini`. */
  encoder?: PluginRef<'encoder'>
  /** Several encoders as one; when given, search and evaluation use it instead of the encoder. */
  combiner?: PluginRef<'combiner'>
  /** The search engine. Default `exact`. */
  index?: PluginRef<'index'>
  /** Folder of the gallery that `index` fills and `search` reads. Default `gallery`. */
  gallery?: string
  /** Applied to the first results in this order. */
  rerankers?: PluginRef<'reranker'>[]
  /** How `train` trains. */
  train?: PluginRef<'trainer'>
  evaluate?: EvaluateConfig
  images?: ImagesConfig
  /** Folder for embeddings, downloads and rendered images, or false to keep no embeddings. Default `.lookalike`. */
  cache?: string | false
  /** Folder of the runs' folders. Default `runs`. */
  runs?: string
  /** Processor threads that a model may use. Default: the runtime decides. */
  threads?: number
}

export interface EvaluateConfig {
  /** Which part of the dataset. Default `test`. */
  split?: 'train' | 'validation' | 'test'
  /** Cut-offs of the metrics at k. Default 1, 2, 4, 8. */
  ks?: number[]
  /**
   * `recall`, `precision`, `map`, `mrr` at each of `ks`, or one with its own cut-off (`mrr@10`), `map@r`, `r-precision`,
   * `mrr`, `oml.precision`, `oml.map`, `pml.map`. Default recall, precision, map, map@r, r-precision and mrr@10.
   */
  metrics?: string[]
  /** Whether to measure, in the same report, what the combiner is to be compared with. Default false. */
  baselines?: boolean
  /** What writes the results. Default `json` and `html`. */
  reporters?: PluginRef<'reporter'>[]
}

export interface ImagesConfig {
  /** What happens with an image that cannot be read: left out with a warning, or the end of the run. Default `skip`. */
  onCorrupt?: 'skip' | 'fail'
  /** Larger images are refused, pixels. */
  maxPixels?: number
  /** Larger files are refused, bytes. */
  maxBytes?: number
  /** Milliseconds that decoding one image may take. Default 20,000. */
  deadline?: number
  /** A file that ends early: `read` what is there, with a warning, or `fail`. Default `read`. */
  truncated?: 'read' | 'fail'
  /** Images decoded at the same time. Default: the number of processors. */
  concurrency?: number
}

/** A config with its defaults filled in. */
export interface Config {
  readonly name: string
  readonly seed: number
  readonly plugins: readonly string[]
  readonly dataset?: PluginRef<'dataset'>
  readonly encoder: PluginRef<'encoder'>
  readonly combiner?: PluginRef<'combiner'>
  readonly index: PluginRef<'index'>
  readonly gallery: string
  readonly rerankers: readonly PluginRef<'reranker'>[]
  readonly train?: PluginRef<'trainer'>
  readonly evaluate: {
    readonly split: 'train' | 'validation' | 'test'
    readonly ks: readonly number[]
    readonly metrics: readonly string[]
    readonly baselines: boolean
    readonly reporters: readonly PluginRef<'reporter'>[]
  }
  readonly images: Readonly<ImagesConfig> & { readonly onCorrupt: 'skip' | 'fail' }
  readonly cache: string | false
  readonly runs: string
  readonly threads?: number
}

/**
 * Gives a config file its types; returns the config as it is.
 *
 * @example
 * export default defineConfig({ dataset: { use: 'folder', path: './photos' }, encoder: 'mini' })
 */
export function defineConfig(config: UserConfig): UserConfig {
  return config
}

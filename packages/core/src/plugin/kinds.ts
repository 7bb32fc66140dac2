import type { Combiner } from '../contracts/combiner.js'
import type { Dataset } from '../contracts/dataset.js'
import type { Encoder } from '../contracts/encoder.js'
import type { GalleryStore } from '../contracts/gallery.js'
import type { Logger } from '../contracts/logger.js'
import type { UnboundLoss } from '../contracts/loss.js'
import type { Reporter } from '../contracts/reporter.js'
import type { Reranker } from '../contracts/reranker.js'
import type { Augmentation, Sampler, Trainer } from '../contracts/training.js'
import type { VectorIndexEngine } from '../contracts/vector-index.js'

/** What each kind of plugin creates. */
export interface Kinds {
  encoder: Encoder
  combiner: Combiner
  loss: UnboundLoss
  reranker: Reranker
  index: VectorIndexEngine
  gallery: GalleryStore
  dataset: Dataset
  sampler: Sampler
  augmentation: Augmentation
  trainer: Trainer
  reporter: Reporter
  logger: Logger
}

export type Kind = keyof Kinds

/** The kinds of plugins. */
export const KINDS = [
  'encoder',
  'combiner',
  'loss',
  'reranker',
  'index',
  'gallery',
  'dataset',
  'sampler',
  'augmentation',
  'trainer',
  'reporter',
  'logger',
] as const satisfies readonly Kind[]

/**
 * Options of the installed plugins by kind and name, so that `defineConfig` can complete them. A plugin's package adds
 * its own by declaration merging:
 *
 * ```ts
 * declare module '@lookalike/core' {
 *   interface LossPlugins { 'my-loss': { margin?: number | undefined } }
 * }
 * ```
 */
export interface EncoderPlugins {}
export interface CombinerPlugins {}
export interface LossPlugins {}
export interface RerankerPlugins {}
export interface IndexPlugins {}
export interface GalleryPlugins {}
export interface DatasetPlugins {}
export interface SamplerPlugins {}
export interface AugmentationPlugins {}
export interface TrainerPlugins {}
export interface ReporterPlugins {}
export interface LoggerPlugins {}

export interface PluginOptions {
  encoder: EncoderPlugins
  combiner: CombinerPlugins
  loss: LossPlugins
  reranker: RerankerPlugins
  index: IndexPlugins
  gallery: GalleryPlugins
  dataset: DatasetPlugins
  sampler: SamplerPlugins
  augmentation: AugmentationPlugins
  trainer: TrainerPlugins
  reporter: ReporterPlugins
  logger: LoggerPlugins
}

type Known<K extends Kind> = {
  [N in keyof PluginOptions[K] & string]: { use: N } & PluginOptions[K][N]
}[keyof PluginOptions[K] & string]

/** What an option may be where nothing is known of its plugin: data. Were it `unknown`, editors could not complete options of known plugins. */
export type OptionValue =
  | string
  | number
  | boolean
  | null
  | undefined
  | readonly OptionValue[]
  | { readonly [option: string]: OptionValue }

/**
 * How a config names a plugin: its name alone, or with options: `{ use: 'proxy-anchor', alpha: 32 }`. Other names and their options are taken as
 * well; they are checked when the config is read.
 */
export type PluginRef<K extends Kind = Kind> =
  | (keyof PluginOptions[K] & string)
  // A text, and nothing that is completed as an object.
  | (string & { use?: never | undefined })
  | Known<K>
  | { use: string & {}; [option: string]: OptionValue }

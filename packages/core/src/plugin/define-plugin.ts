import type { ImageAccess } from '../contracts/image.js'
import type { SpecVersion } from '../contracts/spec.js'
import type { Warning } from '../errors.js'
import type { Kind, Kinds, PluginRef } from './kinds.js'
import type { PluginOrigin } from './plugin-origin.js'
import type { OptionsSchema } from './schema.js'

/** What a plugin gets when it is created from a config. */
export interface PluginContext {
  /** Relative paths in the options start here: the folder of the config file. */
  readonly folder: string
  /** For downloads and other things that can be made again. */
  readonly cacheFolder: string
  /** The run's seed. */
  readonly seed: number
  /** Processor threads that a model may use; absent where the runtime decides. */
  readonly threads?: number | undefined
  /** How images are read, and which files data may name. */
  readonly images?: ImageAccess | undefined
  readonly signal?: AbortSignal | undefined
  /** Creates a plugin that the options name (members of an ensemble, terms of a sum). */
  create<K extends Kind>(kind: K, ref: PluginRef<K>): Promise<Kinds[K]>
  /** Where a named plugin comes from, so that a worker thread can import it again. @throws `plugin/unknown` */
  origin(kind: Kind, name: string): PluginOrigin
  warn(warning: Warning): void
}

/** One named thing that a config can use. */
export interface Plugin<K extends Kind = Kind, Options = unknown> {
  readonly specVersion: SpecVersion
  readonly kind: K
  /** What the config calls it; kebab-case. */
  readonly name: string
  /** One sentence for `lookalike plugins` and the config reference. */
  readonly description: string
  readonly options: OptionsSchema<unknown, Options>
  create(options: Options, context: PluginContext): Kinds[K] | Promise<Kinds[K]>
}

/** A plugin, and where it came from. */
export interface LoadedPlugin {
  readonly plugin: Plugin
  readonly origin: PluginOrigin
}

/**
 * Defines a plugin. A package exports one, or an array of them, as its default export.
 *
 * @example
 * export default definePlugin({
 *   specVersion: 'v1', kind: 'augmentation', name: 'invert', description: 'Inverts the colours.',
 *   options: z.strictObject({}),
 *   create: () => ({ specVersion: 'v1', name: 'invert', apply: (image) => ({ ...image, data: image.data.map((v) => 255 - v) }) }),
 * })
 */
export function definePlugin<K extends Kind, Options>(
  plugin: Omit<Plugin<K, Options>, 'options'> & {
    readonly options: OptionsSchema<never, Options> | OptionsSchema<unknown, Options>
  },
): Plugin<K> {
  return plugin as unknown as Plugin<K>
}

import { tmpdir } from 'node:os'
import path from 'node:path'
import { type CreateOptions, createRegistry, type Kind, type Kinds, type Plugin } from '@lookalike/core'

export interface FromPluginOptions extends Partial<Omit<CreateOptions, 'path'>> {
  /** Other plugins that the options may name. */
  readonly plugins?: readonly Plugin[]
}

/**
 * How a config creates a plugin: options checked, defaults filled in, context handed over. Gives what the checks of a kind take.
 *
 * @param options also as a function, for options that differ each time, such as a new folder
 *
 * @example
 * const issues = await checkLoss(fromPlugin(myLoss, { margin: 0.2 }))
 */
export function fromPlugin<K extends Kind>(
  plugin: Plugin<K>,
  options: Readonly<Record<string, unknown>> | (() => Readonly<Record<string, unknown>>) = {},
  { plugins = [], ...context }: FromPluginOptions = {},
): () => Promise<Kinds[K]> {
  const registry = createRegistry([plugin as unknown as Plugin, ...plugins])
  return () =>
    registry.create(
      plugin.kind,
      { use: plugin.name, ...(typeof options === 'function' ? options() : options) } as never,
      {
        folder: process.cwd(),
        cacheFolder: path.join(tmpdir(), 'lookalike-testkit'),
        seed: 0,
        ...context,
      },
    )
}

/** The plugin of a kind and name in a package's default export. @throws Error where there is none. */
export function pluginOf<K extends Kind>(plugins: readonly Plugin[], kind: K, name: string): Plugin<K> {
  const found = plugins.find((plugin) => plugin.kind === kind && plugin.name === name)
  if (!found)
    throw new Error(
      `There is no ${kind} "${name}" among ${plugins.map((plugin) => `${plugin.kind} "${plugin.name}"`).join(', ')}`,
    )
  return found as unknown as Plugin<K>
}

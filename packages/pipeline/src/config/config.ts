import type { z } from 'zod'
import type { configSchema } from './config-schema.js'

/** What a config file holds; the keys are described in its JSON Schema. Relative paths start at the folder of the config file. */
export type UserConfig = z.input<typeof configSchema>

/** A config with its defaults filled in and the plugins that it names parsed. */
export type Config = Readonly<Omit<z.output<typeof configSchema>, '$schema' | 'extends' | 'name'> & { name: string }>

/**
 * Gives a config file its types; returns the config as it is.
 *
 * @example
 * export default defineConfig({ dataset: { use: 'folder', path: './photos' }, encoder: 'mini' })
 */
export function defineConfig(config: UserConfig): UserConfig {
  return config
}

import type { z } from 'zod'
import type { configSchema } from './config-schema.js'

/** What a config file holds; the keys are described in its JSON Schema. Relative paths start at the folder of the config file. */
export type UserConfig = z.input<typeof configSchema>

/** A config with its defaults filled in and the plugins that it names parsed. */
export type Config = Readonly<
  Omit<z.output<typeof configSchema>, '$schema' | 'extends' | 'name' | 'stages'> & {
    name: string
    /** Each as a config of its own: what it says on top of what it takes from the whole. Its run's name is `whole/stage`. */
    stages: readonly StageConfig[]
  }
>

export interface StageConfig {
  readonly name: string
  readonly config: Config
}

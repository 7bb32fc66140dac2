import { describeIssue, invalidConfig, type JsonSchema, placeReferences } from '@lookalike/core'
import type { Config } from './config.js'
import { configSchema } from './config-schema.js'

/**
 * Checks a config and fills in its defaults.
 *
 * @param fallbackName the run's name where the config has none
 * @throws `config/invalid` with the path, what was given and what was expected of everything that does not fit.
 */
export function parseConfig(given: unknown, fallbackName: string, file?: string): Config {
  const result = configSchema.safeParse(given)
  if (!result.success) {
    const schema = configSchema['~standard'].jsonSchema.input({ target: 'draft-2020-12' }) as JsonSchema
    throw invalidConfig(
      result.error.issues.flatMap((issue) => describeIssue(issue, given, schema)),
      file,
    )
  }
  const { $schema: _schema, extends: _extends, ...config } = result.data
  return placeReferences({ ...config, name: config.name ?? fallbackName }, '')
}

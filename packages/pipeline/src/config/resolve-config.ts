import {
  type ConfigIssue,
  findReferences,
  invalidConfig,
  originText,
  type Reference,
  type Registry,
  replaceReferences,
} from '@lookalike/core'
import type { Config } from './config.js'

/** A config with the options of every plugin checked and filled in; what runs write beside their results. */
export interface ResolvedConfig {
  readonly config: Readonly<Record<string, unknown>>
  /** `encoder/mini` to `@lookalike/encoders 1.0.0`. */
  readonly plugins: Readonly<Record<string, string>>
  readonly node: string
}

/**
 * Checks everything that a config names, plugins inside plugins included, before anything is made.
 *
 * @throws `plugin/unknown`, `config/invalid` with the full path of every option that does not fit.
 */
export async function resolveConfig(config: Config, registry: Registry, file?: string): Promise<ResolvedConfig> {
  const issues: ConfigIssue[] = []
  const used = new Map<string, string>()

  const resolve = async (reference: Reference): Promise<unknown> => {
    const { kind, use } = reference
    const checked = await registry.check(reference)
    used.set(`${kind}/${use}`, originText(registry.origin(kind, use)))
    issues.push(...checked.issues)
    return { use, ...((await resolveAll(checked.options)) as object) }
  }
  const resolveAll = async (value: unknown): Promise<unknown> => {
    const resolved = new Map<Reference, unknown>()
    // One after the other, so that what is wrong is told in the config's order.
    for (const reference of findReferences(value)) resolved.set(reference, await resolve(reference))
    return replaceReferences(value, (reference) => resolved.get(reference))
  }

  const resolved = (await resolveAll(config)) as Readonly<Record<string, unknown>>
  if (issues.length > 0) throw invalidConfig(issues, file)
  return { config: resolved, plugins: Object.fromEntries([...used].sort()), node: process.version }
}

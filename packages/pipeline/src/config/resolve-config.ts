import {
  type ConfigIssue,
  formatPath,
  invalidConfig,
  type JsonSchema,
  type Kind,
  originText,
  type PluginRef,
  type Registry,
  resolveLocal,
  splitRef,
  tryOptions,
} from '@lookalike/core'
import type { Config } from './config.js'

/** A config with the options of every plugin checked and filled in; what runs write beside their results. */
export interface ResolvedConfig {
  readonly config: Readonly<Record<string, unknown>>
  /** `encoder/mini` to `@lookalike/encoders 1.0.0`. */
  readonly plugins: Readonly<Record<string, string>>
  readonly node: string
}

/** The references of a config, by their paths. */
export function refsOf(config: Config): { kind: Kind; path: string; ref: PluginRef }[] {
  const one = <K extends Kind>(kind: K, path: string, ref: PluginRef<K> | undefined) =>
    ref === undefined ? [] : [{ kind, path, ref: ref as PluginRef }]
  return [
    ...one('dataset', 'dataset', config.dataset),
    ...one('encoder', 'encoder', config.encoder),
    ...one('combiner', 'combiner', config.combiner),
    ...one('index', 'index', config.index),
    ...config.rerankers.flatMap((ref, i) => one('reranker', `rerankers[${i}]`, ref)),
    ...one('trainer', 'train', config.train),
    ...config.evaluate.reporters.flatMap((ref, i) => one('reporter', `evaluate.reporters[${i}]`, ref)),
  ]
}

/**
 * Checks everything that a config names, plugins inside plugins included, before anything is made.
 *
 * @throws `plugin/unknown`, `config/invalid` with the full path of every option that does not fit.
 */
export async function resolveConfig(config: Config, registry: Registry, file?: string): Promise<ResolvedConfig> {
  const issues: ConfigIssue[] = []
  const used = new Map<string, string>()

  const resolveRef = async (kind: Kind, ref: PluginRef, path: string): Promise<unknown> => {
    const { use, given } = splitRef(kind, ref, path)
    const plugin = registry.get(kind, use, path)
    used.set(`${kind}/${use}`, originText(registry.origin(kind, use)))
    const parsed = await tryOptions(plugin, given, path)
    issues.push(...parsed.issues)
    if (parsed.issues.length > 0) return ref
    const schema = plugin.options['~standard'].jsonSchema.input({ target: 'draft-2020-12' }) as JsonSchema
    return { use, ...((await resolveNested(schema, schema, parsed.value, path)) as object) }
  }

  const resolveNested = async (
    root: JsonSchema,
    schema: JsonSchema,
    value: unknown,
    path: string,
  ): Promise<unknown> => {
    if (value === undefined || value === null) return value
    if (schema.lookalikeKind) {
      const isRef = typeof value === 'string' || (typeof value === 'object' && 'use' in value)
      return isRef ? resolveRef(schema.lookalikeKind as Kind, value as PluginRef, path) : value
    }
    const target = schema.$ref ? resolveLocal(root, schema.$ref) : undefined
    if (target) return resolveNested(root, target, value, path)
    let result: unknown = value
    for (const choice of [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])]) {
      result = await resolveNested(root, choice, result, path)
    }
    if (Array.isArray(result)) {
      return Promise.all(
        result.map((item, i) =>
          resolveNested(root, schema.prefixItems?.[i] ?? schema.items ?? {}, item, `${path}[${i}]`),
        ),
      )
    }
    if (typeof result === 'object' && result !== null && Object.getPrototypeOf(result) === Object.prototype) {
      const rest = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : {}
      const entries = Object.entries(result).map(
        async ([key, inner]) =>
          [key, await resolveNested(root, schema.properties?.[key] ?? rest, inner, formatPath([key], path))] as const,
      )
      return Object.fromEntries(await Promise.all(entries))
    }
    return result
  }

  const resolved: Record<string, unknown> = {
    ...config,
    rerankers: [],
    evaluate: { ...config.evaluate, reporters: [] },
  }
  for (const { kind, path, ref } of refsOf(config)) {
    const value = await resolveRef(kind, ref, path)
    if (kind === 'reranker') (resolved.rerankers as unknown[]).push(value)
    else if (kind === 'reporter') (resolved.evaluate as { reporters: unknown[] }).reporters.push(value)
    else resolved[path] = value
  }
  if (issues.length > 0) throw invalidConfig(issues, file)
  return { config: resolved, plugins: Object.fromEntries([...used].sort()), node: process.version }
}

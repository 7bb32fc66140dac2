/** The parts of JSON Schema that describing and composing options look at. */
export interface JsonSchema {
  readonly [key: string]: unknown
  readonly $ref?: string | undefined
  readonly $defs?: Readonly<Record<string, JsonSchema>> | undefined
  readonly type?: string | readonly string[] | undefined
  readonly const?: unknown
  readonly enum?: readonly unknown[] | undefined
  readonly properties?: Readonly<Record<string, JsonSchema>> | undefined
  readonly additionalProperties?: boolean | JsonSchema | undefined
  readonly items?: JsonSchema | undefined
  readonly prefixItems?: readonly JsonSchema[] | undefined
  readonly anyOf?: readonly JsonSchema[] | undefined
  readonly oneOf?: readonly JsonSchema[] | undefined
  readonly allOf?: readonly JsonSchema[] | undefined
  readonly minimum?: number | undefined
  readonly maximum?: number | undefined
  readonly exclusiveMinimum?: number | undefined
  readonly exclusiveMaximum?: number | undefined
  /** Set by `pluginRef`: a plugin of this kind is named here. */
  readonly lookalikeKind?: string | undefined
}

/** `['rerankers', 0, 'topN']` after `base` as text: `base.rerankers[0].topN`. */
export function formatPath(keys: readonly (string | number)[], base = ''): string {
  let path = base
  for (const key of keys) {
    if (typeof key === 'number') path += `[${key}]`
    else path += path === '' ? key : `.${key}`
  }
  return path
}

export function valueAt(value: unknown, keys: readonly (string | number)[]): unknown {
  let at = value
  for (const key of keys) {
    if (typeof at !== 'object' || at === null) return undefined
    at = (at as Record<string | number, unknown>)[key]
  }
  return at
}

/** The schema of what stands at `keys`, as far as it can be told. */
export function schemaAt(schema: JsonSchema, keys: readonly (string | number)[]): JsonSchema | undefined {
  const step = (at: JsonSchema, rest: readonly (string | number)[]): JsonSchema | undefined => {
    const resolved = at.$ref ? resolveLocal(schema, at.$ref) : at
    if (!resolved) return undefined
    const [key, ...others] = rest
    if (key === undefined) return resolved
    for (const option of [resolved, ...(resolved.anyOf ?? []), ...(resolved.oneOf ?? []), ...(resolved.allOf ?? [])]) {
      const inner =
        typeof key === 'number'
          ? (option.prefixItems?.[key] ?? option.items)
          : (option.properties?.[key] ??
            (typeof option.additionalProperties === 'object' ? option.additionalProperties : undefined))
      const found = inner && step(inner, others)
      if (found) return found
    }
    return undefined
  }
  return step(schema, keys)
}

/** What a `#/$defs/name` reference of the schema itself points at. */
export function resolveLocal(schema: JsonSchema, ref: string): JsonSchema | undefined {
  if (ref === '#') return schema
  const name = /^#\/\$defs\/(.+)$/.exec(ref)?.[1]
  return name === undefined ? undefined : schema.$defs?.[name]
}

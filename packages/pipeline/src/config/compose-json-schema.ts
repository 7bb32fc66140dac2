import { type JsonSchema, KINDS, type Registry } from '@lookalike/core'
import type { UserConfig } from './config.js'
import { configSchema } from './config-schema.js'

type Writable = { [key: string]: unknown }

/**
 * One JSON Schema (draft 2020-12) of a config with the given plugins. Each kind is a definition that `use` tells apart;
 * options that name plugins point at those definitions.
 *
 * @param defaults what holds where a config says nothing, as given to `loadConfig`
 *
 * @example
 * await writeFile('lookalike.schema.json', JSON.stringify(composeJsonSchema(registry), null, 2))
 */
export function composeJsonSchema(registry: Registry, defaults: UserConfig = {}): JsonSchema {
  const definitions: Writable = {}
  for (const kind of KINDS) {
    const plugins = registry.list(kind)
    const objects = plugins.map(({ plugin }) => {
      const key = `${kind}.${plugin.name}`
      const own = plugin.options['~standard'].jsonSchema.input({ target: 'draft-2020-12' }) as JsonSchema
      definitions[key] = withUse(relocate(own, key, definitions), plugin.name, plugin.description)
      return { $ref: `#/$defs/${key}` }
    })
    const bare = plugins.filter(
      ({ plugin }) =>
        !hasRequired(plugin.options['~standard'].jsonSchema.input({ target: 'draft-2020-12' }) as JsonSchema),
    )
    definitions[kind] = {
      description: `A ${kind}: its name, or an object with it in "use".`,
      anyOf: [
        ...bare.map(({ plugin }) => ({ const: plugin.name, description: plugin.description })),
        ...objects,
        // A definition has to accept something, also where no plugin of the kind is installed.
        ...(plugins.length === 0 ? [{ type: 'string' }] : []),
      ],
    }
  }
  const config = configSchema['~standard'].jsonSchema.input({ target: 'draft-2020-12' }) as JsonSchema
  return {
    ...relocate(withDefaults(config, defaults), 'config', definitions),
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Lookalike config',
    $defs: definitions,
  } as JsonSchema
}

function withDefaults(schema: JsonSchema, defaults: object): JsonSchema {
  const properties: Writable = { ...schema.properties }
  for (const [key, value] of Object.entries(defaults)) {
    const property = properties[key] as JsonSchema
    const isGroup = property.properties !== undefined && typeof value === 'object'
    properties[key] = isGroup ? withDefaults(property, value as object) : { ...property, default: value as unknown }
  }
  return { ...schema, properties } as JsonSchema
}

function hasRequired(schema: JsonSchema): boolean {
  return Array.isArray(schema.required) && schema.required.length > 0
}

function withUse(schema: JsonSchema, name: string, description: string): JsonSchema {
  return {
    ...schema,
    type: 'object',
    description,
    properties: { use: { const: name, description }, ...schema.properties },
    required: ['use', ...(Array.isArray(schema.required) ? (schema.required as string[]) : [])],
  }
}

/** The schema with its own definitions moved to `definitions` and plugin references pointed at their kinds. */
function relocate(schema: JsonSchema, prefix: string, definitions: Writable): JsonSchema {
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk)
    if (typeof value !== 'object' || value === null) return value
    const node = value as JsonSchema
    if (typeof node.lookalikeKind === 'string') {
      return {
        $ref: `#/$defs/${node.lookalikeKind}`,
        ...(node.description !== undefined && { description: node.description }),
        ...(node.default !== undefined && { default: node.default }),
      }
    }
    const result: Writable = {}
    for (const [key, inner] of Object.entries(node)) {
      if (key === '$defs' || key === '$schema') continue
      if (key === 'properties' || key === 'patternProperties') {
        // Its keys are the names of options, whatever they are called.
        result[key] = Object.fromEntries(Object.entries(inner as object).map(([name, option]) => [name, walk(option)]))
      } else if (key === '$ref' && typeof inner === 'string') {
        result.$ref = inner === '#' ? `#/$defs/${prefix}` : inner.replace('#/$defs/', `#/$defs/${prefix}.`)
      } else {
        result[key] = key === 'default' || key === 'const' || key === 'enum' ? inner : walk(inner)
      }
    }
    return result
  }
  for (const [name, definition] of Object.entries(schema.$defs ?? {}))
    definitions[`${prefix}.${name}`] = walk(definition)
  return walk(schema) as JsonSchema
}

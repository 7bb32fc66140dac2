import { readFileSync } from 'node:fs'
import { Ajv, type ValidateFunction } from 'ajv'

interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query'
  readonly required?: boolean
  readonly schema: object
}

interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>
}

interface OperationObject {
  readonly operationId: string
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object }>> }
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { readonly schema: object }>> }>
  >
}

/** One operation of the API. */
export interface Operation {
  readonly id: string
  /** Of the path. */
  readonly collection: string | undefined
  /** What is wrong with a request; undefined for nothing. */
  checkRequest(query: URLSearchParams, body: unknown): string | undefined
  checkAnswer(status: number, body: unknown): string | undefined
}

const DOCUMENT = 'openapi'

/** Qdrant's own description of its HTTP API; stricter than Qdrant, which overlooks fields that it does not know. */
export function createOpenApiCheck(): (method: string, path: string) => Operation | undefined {
  const description = JSON.parse(
    readFileSync(new URL('./fixtures/openapi.json', import.meta.url), 'utf8'),
  ) as Description
  const ajv = new Ajv({ strict: false, validateFormats: false, coerceTypes: false, allErrors: false })
  ajv.addSchema(jsonSchemaOf(description) as object, DOCUMENT)
  const compiled = new Map<object, ValidateFunction>()
  const validate = (schema: object, value: unknown, coerce = false): string | undefined => {
    let check = compiled.get(schema)
    if (!check) compiled.set(schema, (check = ajv.compile(jsonSchemaOf(schema, DOCUMENT) as object)))
    const given = coerce && typeof value === 'string' && /^(\d+|true|false)$/.test(value) ? JSON.parse(value) : value
    return check(given) ? undefined : ajv.errorsText(check.errors)
  }

  return (method, path) => {
    for (const [template, operations] of Object.entries(description.paths)) {
      const names = [...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!)
      const found = new RegExp(`^${template.replaceAll(/\{\w+\}/g, '([^/]+)')}$`).exec(path)
      const operation = operations[method.toLowerCase()]
      if (!found || !operation) continue
      const { operationId, parameters = [], requestBody, responses } = operation
      const at = names.indexOf('collection_name')
      return {
        id: operationId,
        collection: at < 0 ? undefined : decodeURIComponent(found[at + 1]!),
        checkRequest(query, body) {
          for (const [name, value] of query) {
            const parameter = parameters.find((each) => each.in === 'query' && each.name === name)
            if (!parameter) return `${operationId} takes no "${name}" in its query`
            const problem = validate(parameter.schema, value, true)
            if (problem) return `${operationId}: ${name}: ${problem}`
          }
          const schema = requestBody?.content['application/json']?.schema
          if (!schema) return body === undefined ? undefined : `${operationId} takes no body`
          const problem = validate(schema, body)
          return problem && `${operationId}: ${problem} in ${JSON.stringify(body).slice(0, 500)}`
        },
        checkAnswer(status, body) {
          const response = responses[`${status}`] ?? responses[`${Math.floor(status / 100)}XX`] ?? responses['default']
          const schema = response?.content['application/json']?.schema
          if (!schema) return `${operationId} answers ${status}, which is not described`
          const problem = validate(schema, body)
          return problem && `answer of ${operationId}: ${problem} in ${JSON.stringify(body).slice(0, 500)}`
        },
      }
    }
    return undefined
  }
}

/** OpenAPI 3.0 says "nullable" where JSON Schema has a type, and objects may have more fields than it says: here not. */
function jsonSchemaOf(value: unknown, document = ''): unknown {
  if (Array.isArray(value)) return value.map((each) => jsonSchemaOf(each, document))
  if (typeof value !== 'object' || value === null) return value
  const { nullable, ...rest } = value as Readonly<Record<string, unknown>>
  const schema: Record<string, unknown> = {}
  for (const [key, each] of Object.entries(rest))
    schema[key] = key === '$ref' && document !== '' ? `${document}${String(each)}` : jsonSchemaOf(each, document)
  if (typeof schema['properties'] === 'object' && schema['type'] === 'object') schema['additionalProperties'] ??= false
  if (nullable !== true) return schema
  if (typeof schema['type'] !== 'string') return { type: 'null' }
  if (Array.isArray(schema['enum'])) schema['enum'] = [...(schema['enum'] as unknown[]), null]
  return { ...schema, type: [schema['type'], 'null'] }
}

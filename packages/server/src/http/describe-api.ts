import { z } from 'zod'
import * as overview from './overview-schemas.js'
import type { Route } from './routes.js'
import * as schemas from './schemas.js'

/** Names of the schemas in the description. */
const NAMES: readonly (readonly [name: string, schema: z.ZodType])[] = [
  ['Box', schemas.boxSchema],
  ['Metadata', schemas.metadataSchema],
  ['Filter', schemas.filterSchema],
  ['Example', schemas.exampleSchema],
  ['SearchRequest', schemas.searchSchema],
  ['Item', schemas.itemSchema],
  ['Hit', schemas.hitSchema],
  ['Found', schemas.foundSchema],
  ['GalleryInfo', schemas.galleryInfoSchema],
  ['Items', schemas.itemsSchema],
  ['FacetsRequest', schemas.facetsRequestSchema],
  ['Facets', schemas.facetsSchema],
  ['PutItemRequest', schemas.putItemSchema],
  ['ChangeRequest', schemas.changeSchema],
  ['RejectRequest', schemas.rejectSchema],
  ['RemoveRequest', schemas.removeSchema],
  ['Changed', schemas.changedSchema],
  ['EmbedRequest', schemas.embedSchema],
  ['Embedded', schemas.embeddedSchema],
  ['Duplicates', schemas.duplicatesSchema],
  ['MapRequest', overview.mapRequestSchema],
  ['Map', overview.mapSchema],
  ['NearRequest', overview.nearRequestSchema],
  ['Near', overview.nearSchema],
  ['Health', schemas.healthSchema],
  ['Problem', schemas.problemSchema],
]

const REF = '#/components/schemas/'

/** The description of the API: OpenAPI 3.1, whose schemas are those that requests are checked with. */
export function describeApi(routes: readonly Route[], version: string): Record<string, unknown> {
  const named = z.registry<{ id: string }>()
  for (const [id, schema] of NAMES) named.add(schema, { id })
  const components = (io: 'input' | 'output') =>
    z.toJSONSchema(named, { io, uri: (id) => `${REF}${id}`, unrepresentable: 'any' }).schemas
  const [inputs, outputs] = [components('input'), components('output')]
  const isRequest = (name: string) => /Request$|^(Example|Filter)$/.test(name)
  const all = Object.fromEntries(
    NAMES.map(([name]) => {
      const {
        $id: _id,
        $schema: _schema,
        ...schema
      } = (isRequest(name) ? inputs : outputs)[name] as Record<string, unknown>
      return [name, schema]
    }),
  )
  const nameOf = (schema: z.ZodType) => {
    const found = NAMES.find(([, each]) => each === schema)
    if (!found) throw new Error('A schema of a route has no name')
    return { $ref: `${REF}${found[0]}` }
  }
  const paths: Record<string, Record<string, unknown>> = {}
  for (const each of routes) {
    paths[each.path] ??= {}
    paths[each.path]![each.method] = operation(each, nameOf)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Lookalike',
      version,
      description:
        'Search a gallery of images by image, by id, by crop and by several examples; change it; look at it.',
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }, {}],
    paths,
    components: { schemas: all, securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
  }
}

function operation(each: Route, nameOf: (schema: z.ZodType) => object): Record<string, unknown> {
  const content =
    'schema' in each.answer
      ? { 'application/json': { schema: nameOf(each.answer.schema) } }
      : { [each.answer.type]: each.answer.type.startsWith('image/') ? {} : { schema: { type: 'string' } } }
  const json = each.body && { 'application/json': { schema: nameOf(each.body) } }
  const form = each.body &&
    each.multipart && {
      'multipart/form-data': {
        schema: {
          type: 'object',
          properties: {
            image: { type: 'array', items: { type: 'string', contentMediaType: 'application/octet-stream' } },
            request: nameOf(each.body),
          },
        },
        encoding: { request: { contentType: 'application/json' } },
      },
    }
  return {
    operationId: each.operationId,
    summary: each.summary,
    security: each.role === 'none' ? [] : undefined,
    description: each.role === 'none' ? undefined : `For the role ${each.role}.`,
    parameters: [...parameters(each.params, 'path'), ...parameters(each.query, 'query')],
    requestBody: json && { required: true, content: { ...json, ...form } },
    responses: {
      200: { description: 'Done.', content },
      default: {
        description: 'An error.',
        content: { 'application/problem+json': { schema: nameOf(schemas.problemSchema) } },
      },
    },
  }
}

function parameters(schema: z.ZodType | undefined, where: 'path' | 'query'): object[] {
  if (!schema) return []
  const { properties = {} } = z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' })
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...rest } = property as { description?: string }
    return { name, in: where, required: where === 'path', description, schema: rest }
  })
}

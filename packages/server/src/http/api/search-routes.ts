import type { Filter } from '@lookalike/core'
import type { ServiceFound, ServiceHit } from '../../service/create-service.js'
import { type Route, route } from '../routes.js'
import * as schemas from '../schemas.js'
import { API, type ApiOptions } from './api-options.js'
import { exampleOf, withUploads } from './examples.js'
import { itemOf } from './item-of.js'
import { parseFilter } from './parse-filter.js'

export function searchRoutes(options: ApiOptions): Route[] {
  const { service } = options
  return [
    route({
      method: 'post',
      path: `${API}/search`,
      operationId: 'search',
      summary: 'Search by images, crops, ids, several examples, or a vector.',
      role: 'read',
      body: schemas.searchSchema,
      multipart: true,
      answer: { schema: schemas.foundSchema },
      handle: async ({ body, uploads, signal }) => {
        const positives = withUploads(body.positives, uploads, body.negatives.length > 0)
        const negatives = body.negatives.map((example, i) => exampleOf(example, uploads, `negatives[${i}]`))
        const filter = body.filter as Filter | undefined
        return foundOf(options, await service.search({ ...body, positives, negatives, filter }, { signal }))
      },
    }),
    route({
      method: 'get',
      path: `${API}/items/{id}/similar`,
      operationId: 'findSimilar',
      summary: 'Search by an image of the gallery.',
      role: 'read',
      params: schemas.idSchema,
      query: schemas.similarQuerySchema,
      answer: { schema: schemas.foundSchema },
      handle: async ({ params: { id }, query: { filter, ...query }, signal }) => {
        const search = {
          positives: [{ id }],
          negatives: [],
          includeRejected: false,
          includeExamples: false,
          distances: 0,
        }
        return foundOf(options, await service.search({ ...search, ...query, filter: parseFilter(filter) }, { signal }))
      },
    }),
    route({
      method: 'post',
      path: `${API}/embeddings`,
      operationId: 'embed',
      summary: 'Vectors of images.',
      role: 'read',
      body: schemas.embedSchema,
      multipart: true,
      answer: { schema: schemas.embeddedSchema },
      handle: async ({ body: { images, role }, uploads, signal }) => {
        const embedded = await service.embed(withUploads(images, uploads, false), role, { signal })
        const [first] = embedded
        const { space, dim } = service.gallery
        const embeddings = embedded.map((each) => Array.from(each.embeddings.data))
        return Response.json({ space, dim, role: first?.embeddings.role ?? role, embeddings })
      },
    }),
  ]
}

function foundOf(options: ApiOptions, found: ServiceFound) {
  const hitOf = ({ entry, ...hit }: ServiceHit) => ({ ...itemOf(options, entry), ...hit })
  const warnings = found.warnings.map(({ code, message }) => ({ code, message }))
  return Response.json({
    ...found,
    hits: found.hits.map(hitOf),
    beside: found.beside && { ...found.beside, hits: found.beside.hits.map(hitOf) },
    space: options.service.gallery.space,
    warnings,
  })
}

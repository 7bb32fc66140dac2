import type { Filter } from '@lookalike/core'
import { mapRequestSchema, mapSchema, nearRequestSchema, nearSchema } from '../overview-schemas.js'
import { type Route, route } from '../routes.js'
import * as schemas from '../schemas.js'
import { API, type ApiOptions } from './api-options.js'
import { itemOf } from './item-of.js'

/** What is asked about many images at once. */
export function overviewRoutes(options: ApiOptions): Route[] {
  const { service } = options
  return [
    route({
      method: 'post',
      path: `${API}/facets`,
      operationId: 'countFacets',
      summary: 'Values of metadata, with how many images have them.',
      role: 'read',
      body: schemas.facetsRequestSchema,
      answer: { schema: schemas.facetsSchema },
      handle: async ({ body: { filter, ...rest } }) =>
        Response.json(await service.facets({ ...rest, filter: filter as Filter | undefined })),
    }),
    route({
      method: 'get',
      path: `${API}/duplicates`,
      operationId: 'findDuplicates',
      summary: 'Images that are the same or look the same.',
      role: 'read',
      query: schemas.duplicatesQuerySchema,
      answer: { schema: schemas.duplicatesSchema },
      handle: async ({ query: { threshold, limit, offset } }) => {
        const { groups, ...state } = service.duplicates(threshold)
        if (!groups) return Response.json(state)
        const page = groups.slice(offset, offset + limit).map(({ images, ...group }) => ({
          ...group,
          images: images.map(({ entry, distance }) => ({ ...itemOf(options, entry), distance })),
        }))
        return Response.json({ ...state, count: groups.length, groups: page })
      },
    }),
    route({
      method: 'post',
      path: `${API}/map`,
      operationId: 'mapGallery',
      summary: 'Where the images lie, in two dimensions (principal components of their vectors, or UMAP).',
      role: 'read',
      body: mapRequestSchema,
      answer: { schema: mapSchema },
      handle: async ({ body: { layout, key, filter } }) =>
        Response.json(await service.overview.map({ layout, key, filter: filter as Filter | undefined })),
    }),
    route({
      method: 'post',
      path: `${API}/near`,
      operationId: 'findRepeats',
      summary: 'Which of some images are near-duplicates of others of them.',
      role: 'read',
      body: nearRequestSchema,
      answer: { schema: nearSchema },
      handle: async ({ body: { ids, threshold } }) =>
        Response.json({ first: await service.overview.near(ids, threshold) }),
    }),
  ]
}

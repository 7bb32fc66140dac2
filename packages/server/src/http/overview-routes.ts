import type { Filter } from '@lookalike/core'
import type { Service } from '../service/create-service.js'
import { API } from './api-routes.js'
import { mapRequestSchema, mapSchema, nearRequestSchema, nearSchema } from './overview-schemas.js'
import { type Route, route } from './routes.js'

/** What is asked about many images at once. */
export function overviewRoutes(service: Service): Route[] {
  return [
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

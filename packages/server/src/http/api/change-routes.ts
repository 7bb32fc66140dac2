import { invalid } from '../problem.js'
import { type Route, route } from '../routes.js'
import * as schemas from '../schemas.js'
import { API, type ApiOptions } from './api-options.js'
import { decodeBase64 } from './examples.js'
import { itemOf } from './item-of.js'

export function changeRoutes(options: ApiOptions): Route[] {
  const { service } = options
  return [
    route({
      method: 'put',
      path: `${API}/items/{id}`,
      operationId: 'putItem',
      summary: 'Add an image, or replace that of the same id. It is kept when the answer comes.',
      role: 'write',
      params: schemas.idSchema,
      body: schemas.putItemSchema,
      multipart: true,
      answer: { schema: schemas.itemSchema },
      handle: async ({ params: { id }, body: { image, url, box, metadata, rejected }, uploads, signal }) => {
        const ways = [image, url, ...uploads].filter((way) => way !== undefined)
        if (ways.length !== 1)
          throw invalid([
            { path: 'image', problem: `${ways.length} images came`, expected: 'one: "image", "url" or a part "image"' },
          ])
        const example = {
          bytes: uploads[0] ?? (image === undefined ? undefined : decodeBase64(image, 'image')),
          url,
          box,
        }
        return Response.json(itemOf(options, await service.put(id, example, { metadata, rejected }, { signal })))
      },
    }),
    route({
      method: 'patch',
      path: `${API}/items/{id}`,
      operationId: 'changeItem',
      summary: 'Change what is said of an image.',
      role: 'write',
      params: schemas.idSchema,
      body: schemas.changeSchema,
      answer: { schema: schemas.itemSchema },
      handle: async ({ params: { id }, body: { metadata, uncertainty, rejected } }) =>
        Response.json(
          itemOf(
            options,
            await service.update(id, {
              metadata,
              uncertainty,
              rejected,
            }),
          ),
        ),
    }),
    route({
      method: 'delete',
      path: `${API}/items/{id}`,
      operationId: 'removeItem',
      summary: 'Take an image out of the gallery. Its own file stays; one that was sent here goes.',
      role: 'write',
      params: schemas.idSchema,
      answer: { schema: schemas.changedSchema },
      handle: async ({ params: { id } }) => Response.json({ changed: await service.remove([id]) }),
    }),
    route({
      method: 'post',
      path: `${API}/items/remove`,
      operationId: 'removeItems',
      summary: 'Take several images out of the gallery.',
      role: 'write',
      body: schemas.removeSchema,
      answer: { schema: schemas.changedSchema },
      handle: async ({ body: { ids } }) => Response.json({ changed: await service.remove(ids) }),
    }),
    route({
      method: 'post',
      path: `${API}/items/reject`,
      operationId: 'rejectItems',
      summary: 'Keep images out of the results, or take them back.',
      role: 'write',
      body: schemas.rejectSchema,
      answer: { schema: schemas.changedSchema },
      handle: async ({ body: { ids, rejected } }) => Response.json({ changed: await service.reject(ids, rejected) }),
    }),
  ]
}

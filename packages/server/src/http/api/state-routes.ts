import { LookalikeError } from '@lookalike/core'
import { type Route, route } from '../routes.js'
import * as schemas from '../schemas.js'
import { API, type ApiOptions } from './api-options.js'

export function stateRoutes(options: ApiOptions): Route[] {
  const { service, metrics } = options
  return [
    route({
      method: 'get',
      path: `${API}/health`,
      operationId: 'health',
      summary: 'Whether the process runs.',
      role: 'none',
      answer: { schema: schemas.healthSchema },
      handle: async () => Response.json({ status: 'ok' }),
    }),
    route({
      method: 'get',
      path: `${API}/ready`,
      operationId: 'ready',
      summary: 'Whether it can answer: a process can embed, and the gallery can be read.',
      role: 'none',
      answer: { schema: schemas.healthSchema },
      handle: async () => {
        await service.gallery.count()
        await service.beside?.gallery.count()
        const pools = [service.pool, ...(service.beside ? [service.beside.pool] : [])]
        if (pools.every((pool) => pool.state().ready > 0)) return Response.json({ status: 'ready' })
        throw new LookalikeError('serve/not-ready', { problem: 'No process can embed yet' })
      },
    }),
    route({
      method: 'get',
      path: '/metrics',
      operationId: 'metrics',
      summary: 'Figures for Prometheus.',
      role: 'read',
      answer: { type: 'text/plain' },
      handle: async () => new Response(await metrics.text(), { headers: { 'content-type': metrics.type } }),
    }),
    route({
      method: 'get',
      path: `${API}/gallery`,
      operationId: 'describeGallery',
      summary: 'What is served, and what this request may do.',
      role: 'read',
      answer: { schema: schemas.galleryInfoSchema },
      handle: async ({ context }) => {
        const { space, dim } = service.gallery
        const [size, rejected] = await Promise.all([service.gallery.count(), service.gallery.count({ rejected: true })])
        return Response.json({
          name: options.name,
          model: service.pool.name,
          space,
          dim,
          size,
          rejected,
          version: service.version(),
          writable: service.writable && options.roleOf(context) === 'write',
          rerankers: options.rerankers,
          beside: await service.beside?.info(),
          urls: options.urls,
          originals: options.originals,
          limits: { body: options.maxBody, k: 1000, offset: 10_000 },
          thumbnailEdges: schemas.EDGES,
        })
      },
    }),
  ]
}

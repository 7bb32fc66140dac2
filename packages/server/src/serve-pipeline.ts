import { LookalikeError, type Registry, type Warning } from '@lookalike/core'
import type { Pipeline } from '@lookalike/pipeline'
import type { RequestRecord } from './http/create-app.js'
import type { Token } from './http/guard.js'
import { followGalleries } from './pipeline/follow-galleries.js'
import { type FindGalleryDuplicates, galleryDuplicates } from './pipeline/gallery-duplicates.js'
import { type OpenServedOptions, openServed } from './pipeline/open-served.js'
import { tokensOf } from './pipeline/tokens-of.js'
import { type RunningServer, serve } from './serve.js'
import { assertShared } from './service/beside.js'
import { createService, type Service } from './service/create-service.js'

export type { FindGalleryDuplicates } from './pipeline/gallery-duplicates.js'

export interface ServePipelineOptions {
  /** What the config's `serve.beside` names, at work. */
  readonly beside?: { readonly pipeline: Pipeline; readonly registry: Registry } | undefined
  /** `findDuplicates` of the package of galleries; without it, the server looks for none. */
  readonly findDuplicates?: FindGalleryDuplicates | undefined
  readonly version: string
  /** Default: those of the config's `serve.tokens`, from the environment. */
  readonly tokens?: readonly Token[] | undefined
  readonly onRequest?: ((record: RequestRecord) => void) | undefined
  readonly onWarning?: ((warning: Warning) => void) | undefined
}

export interface ServedPipeline extends RunningServer {
  readonly service: Service
}

/**
 * Serves the gallery of a config, as its key `serve` says. The gallery is followed when another process changes it.
 *
 * @throws the codes of the pool, the gallery and `serve`; `serve/token-missing`
 */
export async function servePipeline(
  pipeline: Pipeline,
  registry: Registry,
  options: ServePipelineOptions,
): Promise<ServedPipeline> {
  const undo: (() => Promise<unknown> | void)[] = []
  const close = async () => {
    for (const each of undo.splice(0).reverse()) await each()
  }
  try {
    const tokens = options.tokens ?? tokensOf(pipeline.config.serve.tokens)
    const service = await startService(pipeline, registry, options, undo)
    const running = await listen(pipeline, service, tokens, options)
    return {
      ...running,
      service,
      async stop(grace) {
        await running.stop(grace)
        await close()
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function startService(
  pipeline: Pipeline,
  registry: Registry,
  { beside: other, findDuplicates, onWarning }: ServePipelineOptions,
  undo: OpenServedOptions['undo'],
): Promise<Service> {
  const { config } = pipeline
  const { serve: how, rerankers } = config
  if (how.beside !== undefined && !other) throw besideMissing(how.beside)
  const mode = how.write ? 'write' : 'read'
  const served = await openServed(pipeline, registry, { mode, rerankers, onWarning, undo })
  // What the other model finds is shown as it is.
  const plain = { mode: 'read', rerankers: [], onWarning, undo } as const
  const beside = other && (await openServed(other.pipeline, other.registry, plain))
  const { onCorrupt: _corrupt, concurrency: _concurrency, paths: _paths, ...limits } = config.images
  const paths = pipeline.imageFolders
  const service = createService({
    gallery: served.gallery,
    pool: served.pool,
    beside,
    findDuplicates: findDuplicates && galleryDuplicates(findDuplicates, served, limits, paths),
    writable: how.write,
    cacheFolder: pipeline.path(config.cache === false ? '.lookalike' : config.cache),
    uploads: how.uploads === false ? false : pipeline.path(how.uploads),
    paths,
    limits,
    urls: how.urls,
    onWarning,
  })
  undo.push(() => service.overview.dispose())
  if (service.beside) await assertShared(service.beside, served.gallery)
  // A writer's own gallery is changed by nobody else.
  const followed = [...(how.write ? [] : [served.gallery]), ...(beside ? [beside.gallery] : [])]
  if (followed.length > 0) undo.push(followGalleries(service, followed, onWarning))
  return service
}

function listen(
  { config }: Pipeline,
  service: Service,
  tokens: readonly Token[],
  { version, onRequest, onWarning }: ServePipelineOptions,
): Promise<RunningServer> {
  const { host, port, hosts, cors, maxBody, originals, urls } = config.serve
  return serve({
    service,
    name: config.name,
    version,
    host,
    port,
    tokens,
    hosts,
    cors,
    maxBody,
    originals,
    urls,
    rerankers: service.pool.rerankers.map(({ name }) => name),
    onRequest,
    onWarning,
  })
}

const besideMissing = (config: string) =>
  new LookalikeError(
    'serve/beside',
    {
      problem: `serve.beside names ${config}, and no pipeline came for it`,
      expected: 'the pipeline of that config as the option "beside"',
    },
    { fields: { config } },
  )

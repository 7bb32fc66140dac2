import { watch } from 'node:fs'
import path from 'node:path'
import {
  createEmbeddings,
  type Gallery,
  type GalleryEntry,
  type ImageLimits,
  type ImageRequest,
  isLookalikeError,
  LookalikeError,
  type Model,
  type OperationOptions,
  type PluginRef,
  type Registry,
  toWarning,
  type Warning,
} from '@lookalike/core'
import { entryImages } from '@lookalike/image'
import type { Pipeline } from '@lookalike/pipeline'
import type { RequestRecord } from './http/create-app.js'
import type { Token } from './http/guard.js'
import { createEncoderPool, type EncoderPool } from './pool/create-encoder-pool.js'
import { type RunningServer, serve } from './serve.js'
import { assertShared } from './service/beside.js'
import { createService, type Service } from './service/create-service.js'

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

interface DuplicateImage {
  readonly entry: GalleryEntry
  readonly distance: number
}

export type FindGalleryDuplicates = (
  gallery: Gallery,
  options: OperationOptions &
    ImageLimits & {
      readonly threshold?: number | undefined
      readonly embed?: Model['embed'] | undefined
      readonly imageOf: (entry: GalleryEntry) => ImageRequest | undefined
    },
) => Promise<{
  readonly threshold: number
  readonly groups: readonly {
    readonly kind: 'exact' | 'near'
    readonly diameter: number
    readonly keep: DuplicateImage
    readonly others: readonly DuplicateImage[]
  }[]
}>

export interface ServedPipeline extends RunningServer {
  readonly service: Service
}

/** Milliseconds between two looks for what another process has added. */
const LOOK = 2000
/** A writer changes several files; the look comes when it is done. */
const SETTLE = 50

/**
 * Serves the gallery of a config, as its key `serve` says. The gallery is followed when another process changes it.
 *
 * @throws the codes of the pool, the gallery and `serve`; `serve/token-missing`
 */
export async function servePipeline(
  pipeline: Pipeline,
  registry: Registry,
  { beside: other, findDuplicates, version, tokens, onRequest, onWarning }: ServePipelineOptions,
): Promise<ServedPipeline> {
  const { config } = pipeline
  const { serve: how } = config
  const undo: (() => Promise<unknown> | void)[] = []
  const close = async () => {
    for (const each of undo.splice(0).reverse()) await each()
  }
  try {
    const known = tokens ?? tokensOf(how.tokens)
    if (how.beside !== undefined && !other) throw besideMissing(how.beside)
    const start = async (of: Pipeline, plugins: Registry, mode: 'read' | 'write') => {
      // What the other model finds is shown as it is.
      const pool = await startPool(of, plugins, of === pipeline ? config.rerankers : [], onWarning)
      undo.push(() => pool.dispose())
      const { space, dim, members } = pool
      const { open } = await of.gallery()
      const gallery = await open({
        space,
        dim,
        mode,
        root: of.path('.'),
        engine: await of.engine(),
        onWarning,
        members: mode === 'write' ? members : undefined,
      })
      undo.push(() => gallery.close())
      return { name: of.config.name, pool, gallery }
    }
    const { pool, gallery } = await start(pipeline, registry, how.write ? 'write' : 'read')
    const beside = other && (await start(other.pipeline, other.registry, 'read'))
    const { onCorrupt: _corrupt, concurrency: _concurrency, paths: _paths, ...limits } = config.images
    const paths = pipeline.imageFolders
    const service = createService({
      gallery,
      pool,
      beside,
      findDuplicates:
        findDuplicates &&
        (async (threshold, operation) => {
          const imageOf = entryImages(gallery, { paths })
          const embed = embedInPool(pool)
          const found = await findDuplicates(gallery, { ...limits, ...operation, threshold, embed, imageOf })
          return {
            threshold: found.threshold,
            groups: found.groups.map(({ keep, others, ...group }) => ({ ...group, images: [keep, ...others] })),
          }
        }),
      writable: how.write,
      cacheFolder: pipeline.path(config.cache === false ? '.lookalike' : config.cache),
      uploads: how.uploads === false ? false : pipeline.path(how.uploads),
      paths,
      limits,
      urls: how.urls,
      onWarning,
    })
    undo.push(() => service.overview.dispose())
    if (service.beside) await assertShared(service.beside, gallery)
    // A writer's own gallery is changed by nobody else.
    const followed = [...(how.write ? [] : [gallery]), ...(beside ? [beside.gallery] : [])]
    if (followed.length > 0) undo.push(follow(service, followed, onWarning))
    const { host, port, hosts, cors, maxBody, originals, urls } = how
    const running = await serve({
      service,
      name: config.name,
      version,
      host,
      port,
      tokens: known,
      hosts,
      cors,
      maxBody,
      originals,
      urls,
      rerankers: pool.rerankers.map(({ name }) => name),
      onRequest,
      onWarning,
    })
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

async function startPool(
  pipeline: Pipeline,
  registry: Registry,
  rerankers: Pipeline['config']['rerankers'],
  onWarning?: (warning: Warning) => void,
): Promise<EncoderPool> {
  const { config } = pipeline
  const { combiner, encoder, images, seed, threads } = config
  const plain = (reference: object) => JSON.parse(JSON.stringify(reference)) as never
  const what: { encoder?: PluginRef<'encoder'>; combiner?: PluginRef<'combiner'> } = combiner
    ? { combiner: plain(combiner) }
    : encoder
      ? { encoder: plain(encoder) }
      : {}
  const { onCorrupt: _corrupt, concurrency: _concurrency, paths, ...limits } = images
  const plugins = new Set(registry.list().map(({ origin }) => origin.url))
  return createEncoderPool(
    {
      ...what,
      rerankers: rerankers.map(plain),
      plugins: [...plugins].filter((url) => url !== undefined),
      folder: pipeline.path('.'),
      cacheFolder: pipeline.path(config.cache === false ? '.lookalike' : config.cache),
      seed,
      threads,
      images: { ...limits, paths: paths.map(pipeline.path) },
    },
    { ...config.serve.pool, onWarning },
  )
}

/** The pool as models embed; images that cannot be read are left out. */
function embedInPool(pool: EncoderPool): Model['embed'] {
  return async (images, role, { signal } = {}) => {
    const rows: number[] = []
    const data: number[] = []
    for (const [position, image] of images.entries()) {
      // One after the other: those who search come in between.
      const found = await pool.embed(image, role, { signal }).catch((error: unknown) => {
        if (!isLookalikeError(error) || !error.code.startsWith('image/')) throw error
      })
      if (!found) continue
      rows.push(position)
      data.push(...found.embeddings.data)
    }
    const { dim, space, symmetric } = pool
    const part = { rows: rows.length, dim, space, role: symmetric ? ('any' as const) : role }
    return {
      positions: Int32Array.from(rows),
      embeddings: createEmbeddings({ data: Float32Array.from(data), ...part }),
    }
  }
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

function tokensOf(given: readonly { readonly role: 'read' | 'write'; readonly env: string }[]): Token[] {
  return given.map(({ role, env }) => {
    const token = process.env[env]
    if (token !== undefined && token.length >= 16) return { role, token }
    throw new LookalikeError(
      'serve/token-missing',
      {
        problem: token === undefined ? `The environment variable ${env} is not set` : `The token in ${env} is short`,
        expected: 'a token of at least 16 characters',
        fix: `Make one, for example with: node -p "crypto.randomUUID()"`,
      },
      { fields: { env } },
    )
  })
}

/** Brings the gallery up to date whenever its files change, and now and then. */
function follow(
  service: Service,
  galleries: readonly Gallery[],
  onWarning?: (warning: Warning) => void,
): () => Promise<void> {
  let looking: Promise<void> = Promise.resolve()
  let failed: string | undefined
  const look = () => {
    looking = looking.then(async () => {
      try {
        await service.refresh()
        failed = undefined
      } catch (error) {
        // It goes on with what it has, and says so once.
        const code = isLookalikeError(error) ? error.code : 'internal/unexpected'
        if (code !== failed) onWarning?.(toWarning(error))
        failed = code
      }
    })
  }
  let soon: NodeJS.Timeout | undefined
  const timer = setInterval(look, LOOK)
  const watchers = galleries.map(({ folder }) =>
    folder === undefined
      ? undefined
      : watchFolder(folder, () => {
          clearTimeout(soon)
          soon = setTimeout(look, SETTLE)
        }),
  )
  return async () => {
    clearInterval(timer)
    clearTimeout(soon)
    for (const watcher of watchers) watcher?.close()
    await looking
  }
}

/** Where folders cannot be watched, the timer does. */
function watchFolder(folder: string, onChange: () => void) {
  try {
    const watcher = watch(path.resolve(folder), onChange)
    watcher.on('error', () => watcher.close())
    return watcher
  } catch {
    return undefined
  }
}

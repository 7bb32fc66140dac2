import { createEmbeddings, type Gallery, type PluginRef, type Registry, type Warning } from '@lookalike/core'
import type { Pipeline } from '@lookalike/pipeline'
import { createEncoderPool, type EncoderPool } from '../pool/create-encoder-pool.js'

/** A gallery, and what embeds for it. */
export interface Served {
  readonly name: string
  readonly pool: EncoderPool
  readonly gallery: Gallery
}

export interface OpenServedOptions {
  readonly mode: 'read' | 'write'
  readonly rerankers: readonly Pipeline['config']['rerankers'][number][]
  readonly onWarning: ((warning: Warning) => void) | undefined
  /** What is to be done at the end, the last first. */
  readonly undo: (() => Promise<unknown> | void)[]
}

/** @throws the codes of the pool and the gallery */
export async function openServed(
  pipeline: Pipeline,
  registry: Registry,
  { mode, rerankers, onWarning, undo }: OpenServedOptions,
): Promise<Served> {
  const pool = await startPool(pipeline, registry, rerankers, onWarning)
  undo.push(() => pool.dispose())
  const { space, dim, members } = pool
  const { open } = await pipeline.gallery()
  const gallery = await open({
    space,
    dim,
    mode,
    root: pipeline.path('.'),
    engine: await pipeline.engine(),
    onWarning,
    members: mode === 'write' ? members : undefined,
  })
  undo.push(() => gallery.close())
  await searchOnce(gallery, pool)
  return { name: pipeline.config.name, pool, gallery }
}

/** The first search reads the vectors and loads what compares them: nobody is to wait for that. */
async function searchOnce(gallery: Gallery, { space, dim, symmetric }: EncoderPool): Promise<void> {
  const data = new Float32Array(dim).fill(1, 0, 1)
  await gallery.search(createEmbeddings({ data, rows: 1, dim, space, role: symmetric ? 'any' : 'query' }), 1)
}

async function startPool(
  pipeline: Pipeline,
  registry: Registry,
  rerankers: OpenServedOptions['rerankers'],
  onWarning: ((warning: Warning) => void) | undefined,
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

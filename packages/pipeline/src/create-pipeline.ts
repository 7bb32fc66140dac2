import path from 'node:path'
import {
  type Dataset,
  type EmbeddingCache,
  type EmbedOptions,
  type EvaluationResult,
  type Kind,
  type Kinds,
  LookalikeError,
  type Model,
  type OperationOptions,
  type PluginRef,
  type Registry,
  type Reranker,
  splitRef,
  type TrainerResult,
  type VectorIndexEngine,
} from '@lookalike/core'
import { type Embed, evaluate } from '@lookalike/evaluate'
import { modelOfCombiner, modelOfEncoder, openEmbeddingCache } from '@lookalike/image'
import type { Config } from './config/config.js'
import { type ResolvedConfig, resolveConfig } from './config/resolve-config.js'
import { runTrainer } from './run/run-trainer.js'
import { writeInside } from './run/write-inside.js'

/** A config at work. Everything is made when it is first needed, once. */
export interface Pipeline {
  readonly config: Config
  /** The folder of this config's run. */
  readonly runFolder: string
  /** The config as runs write it beside their results. */
  readonly resolved: ResolvedConfig
  /** A path of the config as an absolute one. */
  path(relative: string): string
  /** @throws `config/missing` when the config names no dataset. */
  dataset(): Promise<Dataset>
  /** The combiner where the config has one, else the encoder. */
  model(): Promise<Model>
  engine(): Promise<VectorIndexEngine>
  rerankers(): Promise<readonly Reranker[]>
  /** Embeds images as the config says: limits, cache, what happens with corrupt ones. By another model than the config's when one is given. */
  embed: Embed
  /** Measures the config on its dataset. */
  evaluate(options?: OperationOptions): Promise<EvaluationResult>
  /** Writes an evaluation through the config's reporters; resolves to the files. */
  report(result: EvaluationResult): Promise<readonly string[]>
  /**
   * Trains into the run's folder.
   *
   * @throws `config/missing` when the config says nothing about training, `train/run-exists` when the folder holds a
   * training run that is neither resumed nor overwritten, `train/run-differs` when it was started with another config.
   */
  train(options?: OperationOptions & { resume?: boolean; overwrite?: boolean }): Promise<TrainerResult>
  dispose(): Promise<void>
}

/**
 * Makes a pipeline of a config; every option in it is checked before anything is made.
 *
 * @param loaded a config and the folder that its relative paths start at
 * @throws `config/invalid`, `plugin/unknown`
 *
 * @example
 * const loaded = await loadConfig('examples/emoji')
 * const pipeline = await createPipeline(loaded, createRegistry(await loadPlugins(loaded.config.plugins, loaded.folder)))
 * const result = await pipeline.evaluate()
 */
export async function createPipeline(
  loaded: { readonly config: Config; readonly folder: string; readonly files?: readonly string[] },
  registry: Registry,
  defaults: Pick<OperationOptions, 'signal' | 'onWarning'> = {},
): Promise<Pipeline> {
  const { config } = loaded
  const folder = path.resolve(loaded.folder)
  const at = (relative: string) => path.resolve(folder, relative)
  const cacheFolder = at(config.cache === false ? '.lookalike' : config.cache)
  const runFolder = path.join(at(config.runs), config.name)
  const resolved = await resolveConfig(config, registry, loaded.files?.[0])
  const disposers: (() => Promise<void>)[] = []

  const create = <K extends Kind>(kind: K, ref: PluginRef<K>, where: string): Promise<Kinds[K]> =>
    registry.create(kind, ref, {
      folder,
      cacheFolder,
      seed: config.seed,
      path: where,
      ...(config.threads !== undefined && { threads: config.threads }),
      ...defaults,
    })
  const encoder = once(async () => {
    const made = await create('encoder', config.encoder, 'encoder')
    disposers.push(() => made.dispose())
    return made
  })
  const model = once(async () => {
    if (config.combiner === undefined) return modelOfEncoder(await encoder())
    const made = modelOfCombiner(await create('combiner', config.combiner, 'combiner'))
    disposers.push(() => made.dispose())
    return made
  })
  const dataset = once(async () => {
    if (config.dataset === undefined) throw missing('dataset', 'dataset: { use: folder, path: ./photos }')
    return create('dataset', config.dataset, 'dataset')
  })
  const engine = once(() => create('index', config.index, 'index'))
  const rerankers = once(async () => {
    const made: Reranker[] = []
    for (const [i, ref] of config.rerankers.entries()) {
      const reranker = await create('reranker', ref, `rerankers[${i}]`)
      disposers.push(() => reranker.dispose())
      made.push(reranker)
    }
    return made
  })
  const caches = new Map<string, Promise<EmbeddingCache>>()
  const openCache = (space: string, dim: number) => {
    const key = `${dim} ${space}`
    const open = caches.get(key) ?? openEmbeddingCache(path.join(cacheFolder, 'embeddings'), space, dim)
    caches.set(key, open)
    return open
  }
  const resolvedFile = { 'config.resolved.json': `${JSON.stringify(resolved, null, 2)}\n` }
  const embedOptions = (useCache = true): EmbedOptions => ({
    ...config.images,
    ...(useCache && config.cache !== false && { openCache }),
  })

  const pipeline: Pipeline = {
    config,
    runFolder,
    resolved,
    path: at,
    dataset,
    model,
    engine,
    rerankers,
    async embed(images, role, { model: given, cache, ...options } = {}) {
      return (given ?? (await model())).embed(images, role, { ...embedOptions(cache), ...defaults, ...options })
    },
    async evaluate(options = {}) {
      const { split, ks, metrics, baselines } = config.evaluate
      const evaluation = { name: config.name, split, ks, metrics, baselines, seed: config.seed, embed: pipeline.embed }
      const parts = {
        dataset: await dataset(),
        model: await model(),
        engine: await engine(),
        rerankers: await rerankers(),
      }
      return evaluate({ ...evaluation, ...parts }, { ...defaults, ...options })
    },
    async report(result) {
      const files: string[] = []
      const write = async (name: string, content: string | Uint8Array) =>
        void files.push(await writeInside(runFolder, name, content))
      for (const [name, text] of Object.entries(resolvedFile)) await write(name, text)
      for (const [i, ref] of config.evaluate.reporters.entries()) {
        const reporter = await create('reporter', ref, `evaluate.reporters[${i}]`)
        await reporter.write(result, { folder: runFolder, write })
      }
      return files
    },
    async train(options = {}) {
      if (config.train === undefined)
        throw missing('train', 'train: { use: ... }; "lookalike plugins" lists the trainers')
      // Everything that can be wrong is found out before the old run is touched.
      const trainer = await create('trainer', config.train, 'train')
      return runTrainer(trainer, {
        ...defaults,
        ...options,
        dataset: await dataset(),
        encoder: await encoder(),
        folder: runFolder,
        seed: config.seed,
        images: embedOptions(),
        settings: resolved.config['train'] as Readonly<Record<string, unknown>>,
        origin: registry.origin('trainer', splitRef('trainer', config.train as PluginRef, 'train').use),
        versions: resolved.plugins,
        files: resolvedFile,
      })
    },
    async dispose() {
      for (const dispose of disposers.splice(0)) await dispose()
      for (const cache of await Promise.allSettled(caches.values()))
        if (cache.status === 'fulfilled') await cache.value.close()
      caches.clear()
    },
  }
  return pipeline
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}

function missing(key: string, example: string): LookalikeError {
  return new LookalikeError(
    'config/missing',
    { problem: `The config names no ${key}`, fix: `Add for example ${example}` },
    { fields: { key } },
  )
}

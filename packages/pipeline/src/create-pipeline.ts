import path from 'node:path'
import {
  type Dataset,
  type EmbedOptions,
  type Encoder,
  type EvaluationResult,
  type Gallery,
  type GalleryStore,
  galleryPages,
  type ImageAccess,
  type ImageRequest,
  isLookalikeError,
  type Kind,
  type Kinds,
  type Logger,
  LookalikeError,
  type Model,
  type OperationOptions,
  type PluginRef,
  parseReference,
  type Reference,
  type Registry,
  type Reranker,
  type TrainerResult,
  toWarning,
  type VectorIndexEngine,
} from '@lookalike/core'
import { type Embed, evaluate, type NoMatchThreshold } from '@lookalike/evaluate'
import {
  askedBy,
  entryImages,
  type FoundImages,
  findImages,
  type ImageToIndex,
  type Indexed,
  imagesOfDataset,
  indexImages,
  isS3,
  modelOfCombiner,
  modelOfEncoder,
  type Shard,
  shardFolder,
  shardsFolder,
  workersFolder,
} from '@lookalike/image'
import type { Config } from './config/config.js'
import { type ResolvedConfig, resolveConfig } from './config/resolve-config.js'
import { type CalibrationParts, calibrateNoMatch, calibrateRejection } from './gallery/calibrate-gallery.js'
import { type SearchImagesOptions, type SearchResult, searchImages } from './gallery/search-images.js'
import { openCaches } from './open-caches.js'
import { runTrainer } from './run/run-trainer.js'
import { writeInside } from './run/write-inside.js'
import { forecastTraining, type TrainingForecast } from './stages/forecast-training.js'
import { stageModels } from './stages/stage-models.js'
import { type PreparedStage, type StageTraining, type TrainStagesOptions, trainStages } from './stages/train-stages.js'

export interface PipelineOptions extends Pick<OperationOptions, 'signal' | 'onWarning'> {
  /** The gallery that a folder is, where the config names no plugin for it. */
  readonly galleryOfFolder?: ((folder: string) => PluginRef<'gallery'>) | undefined
  /** The encoder that a trained model is, an ONNX file. Given, evaluation compares the config with what its stages trained. */
  readonly encoderOfFile?: ((file: string) => PluginRef<'encoder'>) | undefined
}

export interface IndexOptions extends OperationOptions {
  /** Default: the config's, opened for this call. */
  readonly gallery?: Gallery | undefined
  /** Takes images out of the gallery that are not among the given ones. Not with `shard`. Default false. */
  readonly prune?: boolean | undefined
  /** What http addresses among the images may name. Default: as the config says. */
  readonly urls?: ImageAccess['urls'] | undefined
  /**
   * Index this part of the images alone. A gallery that is a folder has one writer: the shard is made in a gallery of its own beside it, from which
   * images that are not of the shard are taken out, and `mergeShards` puts them together. Other galleries get the images themselves. Default: all.
   */
  readonly shard?: Shard | undefined
  /** Bring the search index and what rerankers keep up to date. Default true. */
  readonly prepare?: boolean | undefined
}

export interface SearchOptions extends SearchImagesOptions {
  /** Default: the config's, opened once and kept open. */
  readonly gallery?: Gallery | undefined
}

/** A config at work. Everything is made when it is first needed, once. */
export interface Pipeline {
  readonly config: Config
  /** The folder of this config's run. */
  readonly runFolder: string
  /** The config as runs write it beside their results. */
  readonly resolved: ResolvedConfig
  /** A path of the config as an absolute one; an S3 address as it is. */
  path(relative: string): string
  /** Folders whose files galleries may name, besides the one that each lies in; absolute. And what S3 addresses may begin with. */
  readonly imageFolders: readonly string[]
  /** Folders that hold no images of their own: those of the gallery, of the cache and of runs; absolute. */
  readonly ownFolders: readonly string[]
  /** @throws `config/missing` when the config names no dataset. */
  dataset(): Promise<Dataset>
  /** The config's encoder by itself, whether or not a combiner uses it. */
  encoder(): Promise<Encoder>
  /** The combiner where the config has one, else the encoder. */
  model(): Promise<Model>
  engine(): Promise<VectorIndexEngine>
  /** Where the config's gallery is, or will be. */
  gallery(): Promise<GalleryStore>
  /**
   * Opens the config's gallery for its model. Whoever opens it closes it.
   *
   * @param held for whatever model it was made, without making the config's; then there must be one
   * @throws what `GalleryStore.open` throws
   */
  openGallery(
    mode: 'read' | 'write',
    options?: OperationOptions & {
      readonly held?: boolean
      /** The gallery of this folder in the place of the config's. */
      readonly folder?: string | undefined
    },
  ): Promise<Gallery>
  /** Brings the search index and what the config's rerankers keep up to date, after images came into a gallery. */
  prepareGallery(gallery: Gallery, options?: OperationOptions): Promise<void>
  /** Only what the config's rerankers keep. */
  prepareRerankers(gallery: Gallery, options?: OperationOptions): Promise<void>
  /**
   * The images that `index` takes, in its order.
   *
   * @throws `index/no-images`, `image/not-found`, `image/unreadable-folder`
   */
  listImages(images?: string | readonly (string | ImageToIndex)[], options?: OperationOptions): Promise<FoundImages>
  rerankers(): Promise<readonly Reranker[]>
  /** Embeds images as the config says: limits, cache, what happens with corrupt ones. By another model than the config's when one is given. */
  embed: Embed
  /**
   * Embeds images into a gallery, for the config's rerankers too. Unchanged images cost their reading, changed ones are replaced.
   *
   * @param images folders, files, URLs, or images with what is to be said of them. Default: the gallery images of the dataset.
   * @throws `index/no-images`, `index/nothing-readable`, `index/duplicate-id`, the codes of the gallery.
   */
  index(images?: string | readonly (string | ImageToIndex)[], options?: IndexOptions): Promise<Indexed>
  /**
   * The k images of a gallery that look most like each query, reranked as the config says.
   *
   * @throws the codes of image reading: a query that cannot be read is an error. the codes of the gallery
   */
  search(images: readonly (string | ImageRequest)[], k: number, options?: SearchOptions): Promise<SearchResult[]>
  /**
   * The distance from which on this config's search answers "no match": a query without a mate is answered with a probability of at most
   * `target`, over calibrations on the queries of `evaluate.calibration`. `SearchOptions.noMatch` takes it.
   *
   * @throws `config/missing` without a dataset, `search/no-calibration`, `metrics/target`
   */
  noMatchThreshold(
    target: number,
    options?: OperationOptions & Pick<SearchOptions, 'gallery'>,
  ): Promise<NoMatchThreshold>
  /**
   * The uncertainty up to which images of a gallery may stay, so that a wrong first result is as rare as `target`.
   *
   * @throws as `noMatchThreshold`, `gallery/no-uncertainty`
   */
  rejectionThreshold(target: number, options?: OperationOptions & Pick<SearchOptions, 'gallery'>): Promise<number>
  /** Measures the config on its dataset; with `asking`, as if that encoder embedded the queries. */
  evaluate(options?: OperationOptions & { readonly asking?: Encoder | undefined }): Promise<EvaluationResult>
  /** Writes an evaluation through the config's reporters; resolves to the files. */
  report(result: EvaluationResult): Promise<readonly string[]>
  /**
   * Trains into the run's folder.
   *
   * @throws `config/missing` when the config says nothing about training, `train/run-exists` when the folder holds a
   * training run that is neither resumed nor overwritten, `train/run-differs` when it was started with another config.
   */
  train(options?: Parameters<PreparedStage['train']>[0]): Promise<TrainerResult>
  /**
   * Trains the config's stages, one after the other, each into its folder in the run's folder. With `resume`, finished stages stay as they are and
   * a half one goes on.
   *
   * @throws as `train` does.
   */
  trainStages(options?: TrainStagesOptions): Promise<readonly StageTraining[]>
  /**
   * How long training will take here, and how much memory, stage by stage: measured on a few images, and nothing is written. A stage whose
   * encoder is still to be trained is measured with the one that training starts from.
   *
   * @throws as `train` does, but for the run's folder.
   */
  forecast(options?: OperationOptions): Promise<readonly TrainingForecast[]>
  dispose(): Promise<void>
}

/**
 * Makes a pipeline of a config; every option in it is checked before anything is made.
 *
 * @param loaded a config and the folder that its relative paths start at
 * @throws `config/invalid`, `plugin/unknown`; later, when it is needed, `config/missing` for what the config does not name
 *
 * @example
 * const loaded = await loadConfig('examples/emoji')
 * const pipeline = await createPipeline(loaded, createRegistry(await loadPlugins(loaded.config.plugins, loaded.folder)))
 * const result = await pipeline.evaluate()
 */
export async function createPipeline(
  loaded: { readonly config: Config; readonly folder: string; readonly files?: readonly string[] | undefined },
  registry: Registry,
  options: PipelineOptions = {},
): Promise<Pipeline> {
  return composePipeline(loaded, registry, options, new Map())
}

/** @param datasets what was read, by what it was asked for as: stages with the same dataset share it */
async function composePipeline(
  loaded: Parameters<typeof createPipeline>[0],
  registry: Registry,
  { galleryOfFolder, encoderOfFile, ...defaults }: PipelineOptions,
  datasets: Map<string, Promise<Dataset>>,
): Promise<Pipeline> {
  const { config } = loaded
  const folder = path.resolve(loaded.folder)
  const at = (relative: string) => path.resolve(folder, relative)
  /** A folder, or what addresses begin with. */
  const placeOf = (named: string) => (isS3(named) ? named : at(named))
  const cacheFolder = at(config.cache === false ? '.lookalike' : config.cache)
  const runFolder = path.join(at(config.runs), config.name)
  const resolved = await resolveConfig(config, registry, loaded.files?.[0])
  const stages: Pipeline[] = []
  for (const stage of config.stages)
    stages.push(await composePipeline({ ...loaded, config: stage.config }, registry, defaults, datasets))
  const { onCorrupt, paths: named, concurrency, ...limits } = config.images
  const images: ImageAccess = { ...limits, paths: named.map(placeOf) }
  // Datasets draw or unpack pictures into the cache.
  const paths = [folder, cacheFolder, ...datasetFolders(config).map(at), ...named.map(placeOf)]
  const disposers: (() => Promise<void>)[] = []

  const create = <K extends Kind>(kind: K, reference: Reference<K>): Promise<Kinds[K]> =>
    registry.create(kind, reference, {
      folder,
      cacheFolder,
      seed: config.seed,
      threads: config.threads,
      images,
      ...defaults,
    })
  const encoder = once(async () => {
    if (config.encoder === undefined) throw missing('encoder')
    const made = await create('encoder', config.encoder)
    disposers.push(() => made.dispose())
    return made
  })
  const model = once(async () => {
    if (config.combiner === undefined) return modelOfEncoder(await encoder())
    const made = modelOfCombiner(await create('combiner', config.combiner))
    disposers.push(() => made.dispose())
    return made
  })
  const dataset = once(async () => {
    if (config.dataset === undefined) throw missing('dataset')
    const key = JSON.stringify([config.dataset.use, config.dataset.options, config.seed])
    const made = datasets.get(key) ?? create('dataset', config.dataset)
    datasets.set(key, made)
    return made
  })
  const engine = once(async () => {
    if (config.index === undefined) throw missing('index')
    return create('index', config.index)
  })
  const rerankers = once(async () => {
    const made: Reranker[] = []
    for (const reference of config.rerankers) {
      const reranker = await create('reranker', reference)
      disposers.push(() => reranker.dispose())
      made.push(reranker)
    }
    return made
  })
  const caches = openCaches(path.join(cacheFolder, 'embeddings'), defaults.onWarning)
  const storeOfFolder = (at: string) => {
    if (!galleryOfFolder) throw missing('plugin for the gallery', 'gallery')
    return create('gallery', parseReference('gallery', galleryOfFolder(at)))
  }
  const store = once(async () => {
    const { gallery } = config
    return typeof gallery === 'string' ? storeOfFolder(gallery) : create('gallery', gallery)
  })
  const openGallery: Pipeline['openGallery'] = async (mode, { held = false, folder: other, ...operation } = {}) => {
    const { open } = await (other === undefined ? store() : storeOfFolder(other))
    const how = { ...defaults, ...operation, mode, root: folder, engine: await engine() }
    if (held) return open(how)
    const { space, dim, members } = await model()
    return open({ ...how, space, dim, members: mode === 'write' ? members : undefined })
  }
  const reader = once(async () => {
    const gallery = await openGallery('read')
    disposers.push(() => gallery.close())
    return gallery
  })
  const stageRuns = stages.map((stage, i) => ({ ...stage, name: config.stages[i]!.name }))
  /** The model, with what stages trained among what it is compared with. */
  const withStages = async (whole: Model): Promise<Model> => {
    const trained = encoderOfFile ? await stageModels(stageRuns, whole.space, create, encoderOfFile) : []
    disposers.push(
      ...trained.map(
        ({ model: one }) =>
          () =>
            one.dispose(),
      ),
    )
    if (trained.length === 0) return whole
    const own = config.evaluate.baselines ? await whole.baselines?.() : undefined
    const rows = trained.map((one) => ({ ...one, name: `stage ${one.name}` }))
    return { ...whole, baselines: async () => [...rows, ...(own ?? [])] }
  }
  const resolvedFile = { 'config.resolved.json': `${JSON.stringify(resolved, null, 2)}\n` }
  const embedOptions = (useCache = true): EmbedOptions => ({
    ...limits,
    onCorrupt,
    concurrency,
    ...(useCache && config.cache !== false && { openCache: caches.open }),
  })

  /** Folders that hold no images of their own. */
  const passedOver = async (opened?: string): Promise<string[]> => {
    const { folder: whole } = await store()
    const galleries = whole === undefined ? [] : [whole, shardsFolder(whole), workersFolder(whole)]
    return [...(opened === undefined ? [] : [opened]), ...galleries, cacheFolder, at(config.runs)]
  }
  const calibrationParts = async (gallery: Gallery | undefined): Promise<CalibrationParts> => ({
    items: (await dataset()).items,
    split: config.evaluate.calibration,
    gallery: gallery ?? (await reader()),
    embed: pipeline.embed,
    rerankers: await rerankers(),
    paths,
  })
  const pipeline: Pipeline = {
    config,
    runFolder,
    resolved,
    path: placeOf,
    imageFolders: paths,
    ownFolders: [
      ...(typeof config.gallery === 'string'
        ? [at(config.gallery), shardsFolder(at(config.gallery)), workersFolder(at(config.gallery))]
        : []),
      cacheFolder,
      at(config.runs),
    ],
    dataset,
    encoder,
    model,
    engine,
    gallery: store,
    openGallery,
    rerankers,
    async embed(images, role, { model: given, cache, ...options } = {}) {
      return (given ?? (await model())).embed(images, role, { ...embedOptions(cache), ...defaults, ...options })
    },
    async prepareGallery(gallery, operation) {
      if ((await engine()).saves) await gallery.prepare({ ...defaults, ...operation })
      await pipeline.prepareRerankers(gallery, operation)
    },
    async prepareRerankers(gallery, operation) {
      await indexForRerankers(gallery, rerankers, paths, { ...defaults, ...operation })
    },
    async listImages(images, operation) {
      const wanted = images ?? imagesOfDataset(await dataset())
      return findImages(wanted, { ...defaults, ...operation, except: await passedOver() })
    },
    async index(images, { gallery: given, prune, urls, shard, prepare = true, ...operation } = {}) {
      const options = { ...defaults, ...operation }
      if (shard && prune) throw noPruning()
      const wanted = images ?? imagesOfDataset(await dataset())
      const whole = (await store()).folder
      const apart = shard && !given && whole !== undefined ? shardFolder(whole, shard) : undefined
      const gallery = given ?? (await openGallery('write', { ...operation, folder: apart }))
      try {
        if (shard) checkShard(gallery, apart ?? gallery.folder)
        const indexed = await indexImages(gallery, pipeline, wanted, {
          ...limits,
          urls: urls ?? limits.urls,
          onCorrupt,
          ...options,
          prune: apart === undefined ? prune : true,
          except: await passedOver(gallery.folder),
          shard,
        })
        // What is kept of all images of a gallery of many writers is the last one's to bring up to date.
        if (apart !== undefined) await pipeline.prepareRerankers(gallery, operation)
        else if (prepare && !shard) await pipeline.prepareGallery(gallery, operation)
        return indexed
      } finally {
        if (!given) await gallery.close()
      }
    },
    async search(images, k, { gallery, ...options } = {}) {
      const queries = images.map((image): ImageRequest => (typeof image === 'string' ? { source: image } : image))
      const from = gallery ?? (await reader())
      return searchImages(from, pipeline.embed, await rerankers(), queries, k, { paths, ...defaults, ...options })
    },
    async noMatchThreshold(target, { gallery, ...options } = {}) {
      return calibrateNoMatch(await calibrationParts(gallery), target, { ...defaults, ...options })
    },
    async rejectionThreshold(target, { gallery, ...options } = {}) {
      return calibrateRejection(await calibrationParts(gallery), target, { ...defaults, ...options })
    },
    async evaluate({ asking, ...options } = {}) {
      const { split, ks, metrics, baselines, targetRisks } = config.evaluate
      const whole = asking ? askedBy(await model(), asking) : await model()
      const measured = await withStages(whole)
      const evaluation = {
        name: config.name,
        split,
        ks,
        metrics,
        baselines: baselines || measured !== whole,
        targetRisks,
        seed: config.seed,
        embed: pipeline.embed,
      }
      const parts = {
        dataset: await dataset(),
        model: measured,
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
      for (const reference of config.evaluate.reporters) {
        const reporter = await create('reporter', reference)
        await reporter.write(result, { folder: runFolder, write })
      }
      return files
    },
    async train(options = {}) {
      if (config.train === undefined) throw missing('train', 'trainer')
      // Everything that can be wrong is found out before the old run is touched.
      const trainer = await create('trainer', config.train)
      const loggers: Logger[] = []
      for (const reference of config.loggers) loggers.push(await create('logger', reference))
      return runTrainer(trainer, {
        loggers,
        ...defaults,
        ...options,
        dataset: await dataset(),
        encoder: await encoder(),
        folder: runFolder,
        seed: config.seed,
        images: embedOptions(),
        settings: resolved.config['train'] as Readonly<Record<string, unknown>>,
        origin: registry.origin('trainer', config.train.use),
        versions: resolved.plugins,
        files: resolvedFile,
      })
    },
    async trainStages(options = {}) {
      return trainStages(stageRuns, options)
    },
    forecast: (options = {}) =>
      forecastTraining(
        stages.length > 0 ? stages : [pipeline],
        { at, create, images: limits, embedding: embedOptions(false) },
        { ...defaults, ...options },
      ),
    async dispose() {
      for (const stage of stages) await stage.dispose()
      for (const dispose of disposers.splice(0)) await dispose()
      await caches.close()
    },
  }
  return pipeline
}

/** What a shard does not know, it cannot take away. */
const noPruning = () =>
  new LookalikeError('index/shard', {
    problem: "A shard of the images cannot prune a gallery: it does not know the other shards' images",
    expected: 'a shard, or prune',
    fix: 'Prune when all shards are done, with the whole listing: lookalike index --prune',
  })

/** Writers of shards have to be able to write at once. */
function checkShard({ name, capabilities }: Gallery, folder: string | undefined): void {
  if (folder !== undefined || capabilities.writers === 'many') return
  throw new LookalikeError('index/shard', {
    problem: `${name} takes one writer at a time, and shards are written at once`,
    expected: 'a gallery that is a folder, or one of several writers',
  })
}

/** Lets rerankers keep what they need of the gallery's images. One that is still to be trained comes later. */
async function indexForRerankers(
  gallery: Gallery,
  rerankers: () => Promise<readonly Reranker[]>,
  paths: readonly string[],
  options: OperationOptions,
): Promise<void> {
  const made = await rerankers().catch((error: unknown) => {
    if (!isLookalikeError(error, 'reranker/model-missing')) throw error
    options.onWarning?.(toWarning(error))
    return []
  })
  if (made.every(({ index }) => !index)) return
  const imageOf = entryImages(gallery, { paths, onWarning: options.onWarning })
  async function* images() {
    for await (const { entries } of galleryPages(gallery, { signal: options.signal }))
      yield entries.flatMap((entry) => {
        const request = imageOf(entry)
        return request ? [{ ...request, hash: entry.hash }] : []
      })
  }
  for (const reranker of made) await reranker.index?.({ name: gallery.name, codes: gallery.codes, images }, options)
}

/** The folders in which a config itself looks for images: its author may name any. */
function datasetFolders({ dataset }: Config): string[] {
  const { path: folder, root, file } = (dataset?.options ?? {}) as Readonly<Record<string, unknown>>
  const named = [folder, root, typeof file === 'string' && root === undefined ? path.dirname(file) : undefined]
  return named.filter((each) => typeof each === 'string')
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}

function missing(key: string, kind = key): LookalikeError {
  return new LookalikeError(
    'config/missing',
    {
      problem: `The config names no ${key}`,
      expected: `${key}: { use: ... }`,
      fix: `Those that are installed: lookalike plugins ${kind}`,
    },
    { fields: { key } },
  )
}

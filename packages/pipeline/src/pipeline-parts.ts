import path from 'node:path'
import {
  type Dataset,
  type EmbedOptions,
  type ImageAccess,
  type Kind,
  type Kinds,
  LookalikeError,
  type OperationOptions,
  type Reference,
  type Registry,
  type Reranker,
} from '@lookalike/core'
import { isS3, modelOfCombiner, modelOfEncoder, shardsFolder, workersFolder } from '@lookalike/image'
import type { Config } from './config/config.js'
import { openCaches } from './open-caches.js'

/** The places that a config names, and its plugins, each made when it is first needed, once. */
export type PipelineParts = ReturnType<typeof createParts>

export interface PartsOptions {
  readonly config: Config
  /** That the config's relative paths start at; absolute. */
  readonly folder: string
  readonly registry: Registry
  /** What was read, by what it was asked for as: stages with the same dataset share it. */
  readonly datasets: Map<string, Promise<Dataset>>
  /** Of every operation that says nothing else. */
  readonly defaults: Pick<OperationOptions, 'signal' | 'onWarning'>
}

export function createParts({ config, folder, registry, datasets, defaults }: PartsOptions) {
  const at = (relative: string) => path.resolve(folder, relative)
  /** A folder, or what addresses begin with. */
  const placeOf = (named: string) => (isS3(named) ? named : at(named))
  const cacheFolder = at(config.cache === false ? '.lookalike' : config.cache)
  const { onCorrupt, paths: named, concurrency, ...limits } = config.images
  const images: ImageAccess = { ...limits, paths: named.map(placeOf) }
  const caches = openCaches(path.join(cacheFolder, 'embeddings'), defaults.onWarning)
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
  /** Made of the config's own reference, and disposed of with everything. */
  const createOwn = async <K extends 'encoder' | 'combiner' | 'reranker'>(kind: K, reference: Reference<K>) => {
    const made = await create(kind, reference)
    disposers.push(() => made.dispose())
    return made
  }
  const encoder = once(async () => createOwn('encoder', config.encoder ?? missing('encoder')))

  return {
    defaults,
    folder,
    at,
    placeOf,
    cacheFolder,
    runFolder: path.join(at(config.runs), config.name),
    limits,
    onCorrupt,
    /** Folders whose files galleries may name. Datasets draw or unpack pictures into the cache. */
    imageFolders: [folder, cacheFolder, ...datasetFolders(config).map(at), ...named.map(placeOf)],
    /** Folders that hold no images of their own. @param gallery the folder of the gallery, where it is one */
    ownFolders: (gallery: string | undefined) => [
      ...(gallery === undefined ? [] : [gallery, shardsFolder(gallery), workersFolder(gallery)]),
      cacheFolder,
      at(config.runs),
    ],
    create,
    encoder,
    model: once(async () =>
      config.combiner === undefined
        ? modelOfEncoder(await encoder())
        : modelOfCombiner(await createOwn('combiner', config.combiner)),
    ),
    dataset: once(async () => {
      const wanted = config.dataset ?? missing('dataset')
      const key = JSON.stringify([wanted.use, wanted.options, config.seed])
      const made = datasets.get(key) ?? create('dataset', wanted)
      datasets.set(key, made)
      return made
    }),
    engine: once(async () => create('index', config.index ?? missing('index'))),
    rerankers: once(async () => {
      const made: Reranker[] = []
      for (const reference of config.rerankers) made.push(await createOwn('reranker', reference))
      return made
    }),
    embedOptions: (useCache = true): EmbedOptions => ({
      ...limits,
      onCorrupt,
      concurrency,
      openCache: useCache && config.cache !== false ? caches.open : undefined,
    }),
    disposeLater: (dispose: () => Promise<void>) => void disposers.push(dispose),
    async dispose() {
      for (const dispose of disposers.splice(0)) await dispose()
      await caches.close()
    },
  }
}

/** The folders in which a config itself looks for images: its author may name any. */
function datasetFolders({ dataset }: Config): string[] {
  const { path: folder, root, file } = (dataset?.options ?? {}) as Readonly<Record<string, unknown>>
  const named = [folder, root, typeof file === 'string' && root === undefined ? path.dirname(file) : undefined]
  return named.filter((each) => typeof each === 'string')
}

export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}

/** @throws `config/missing` */
export function missing(key: string, kind = key): never {
  throw new LookalikeError(
    'config/missing',
    {
      problem: `The config names no ${key}`,
      expected: `${key}: { use: ... }`,
      fix: `Those that are installed: lookalike plugins ${kind}`,
    },
    { fields: { key } },
  )
}

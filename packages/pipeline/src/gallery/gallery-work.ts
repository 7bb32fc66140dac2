import {
  type Gallery,
  galleryPages,
  type ImageRequest,
  isLookalikeError,
  LookalikeError,
  type OperationOptions,
  parseReference,
  type Reranker,
  toWarning,
} from '@lookalike/core'
import type { Embed } from '@lookalike/evaluate'
import { entryImages, findImages, imagesOfDataset, indexImages, shardFolder } from '@lookalike/image'
import type { Config } from '../config/config.js'
import type { Pipeline, PipelineOptions } from '../pipeline.js'
import { missing, once, type PipelineParts } from '../pipeline-parts.js'
import { type CalibrationParts, calibrateNoMatch, calibrateRejection } from './calibrate-gallery.js'
import { searchImages } from './search-images.js'

type GalleryWork = Pick<
  Pipeline,
  | 'gallery'
  | 'openGallery'
  | 'prepareGallery'
  | 'prepareRerankers'
  | 'listImages'
  | 'index'
  | 'search'
  | 'noMatchThreshold'
  | 'rejectionThreshold'
>

/** What a config does with its gallery, and with others. */
export function createGalleryWork(
  config: Config,
  parts: PipelineParts,
  embed: Embed,
  galleryOfFolder: PipelineOptions['galleryOfFolder'],
): GalleryWork {
  const { defaults, limits, imageFolders: paths } = parts
  const { gallery, openGallery } = createOpening(config, parts, galleryOfFolder)
  const reader = once(async () => {
    const opened = await openGallery('read')
    parts.disposeLater(() => opened.close())
    return opened
  })
  const calibrationParts = async (given: Gallery | undefined): Promise<CalibrationParts> => ({
    items: (await parts.dataset()).items,
    split: config.evaluate.calibration,
    gallery: given ?? (await reader()),
    embed,
    rerankers: await parts.rerankers(),
    paths,
  })
  const prepareRerankers: Pipeline['prepareRerankers'] = (of, operation) =>
    indexForRerankers(of, parts.rerankers, paths, { ...defaults, ...operation })
  const prepareGallery: Pipeline['prepareGallery'] = async (of, operation) => {
    if ((await parts.engine()).saves) await of.prepare({ ...defaults, ...operation })
    await prepareRerankers(of, operation)
  }

  return {
    gallery,
    openGallery,
    prepareGallery,
    prepareRerankers,
    async listImages(images, operation) {
      const wanted = images ?? imagesOfDataset(await parts.dataset())
      return findImages(wanted, { ...defaults, ...operation, except: parts.ownFolders((await gallery()).folder) })
    },
    async index(images, { gallery: given, prune, urls, shard, prepare = true, ...operation } = {}) {
      if (shard && prune) throw noPruning()
      const wanted = images ?? imagesOfDataset(await parts.dataset())
      const whole = (await gallery()).folder
      const apart = shard && !given && whole !== undefined ? shardFolder(whole, shard) : undefined
      const to = given ?? (await openGallery('write', { ...operation, folder: apart }))
      try {
        if (shard) checkShard(to, apart ?? to.folder)
        const indexed = await indexImages(to, { embed }, wanted, {
          ...limits,
          urls: urls ?? limits.urls,
          onCorrupt: parts.onCorrupt,
          ...defaults,
          ...operation,
          prune: apart === undefined ? prune : true,
          except: [...(to.folder === undefined ? [] : [to.folder]), ...parts.ownFolders(whole)],
          shard,
        })
        // What is kept of all images of a gallery of many writers is the last one's to bring up to date.
        if (apart !== undefined) await prepareRerankers(to, operation)
        else if (prepare && !shard) await prepareGallery(to, operation)
        return indexed
      } finally {
        if (!given) await to.close()
      }
    },
    async search(images, k, { gallery: given, ...options } = {}) {
      const queries = images.map((image): ImageRequest => (typeof image === 'string' ? { source: image } : image))
      const from = given ?? (await reader())
      return searchImages(from, embed, await parts.rerankers(), queries, k, { paths, ...defaults, ...options })
    },
    async noMatchThreshold(target, { gallery: given, ...options } = {}) {
      return calibrateNoMatch(await calibrationParts(given), target, { ...defaults, ...options })
    },
    async rejectionThreshold(target, { gallery: given, ...options } = {}) {
      return calibrateRejection(await calibrationParts(given), target, { ...defaults, ...options })
    },
  }
}

function createOpening(
  { gallery: named }: Config,
  { create, defaults, engine, folder, model }: PipelineParts,
  galleryOfFolder: PipelineOptions['galleryOfFolder'],
): Pick<Pipeline, 'gallery' | 'openGallery'> {
  const storeOfFolder = (at: string) => {
    if (!galleryOfFolder) missing('plugin for the gallery', 'gallery')
    return create('gallery', parseReference('gallery', galleryOfFolder(at)))
  }
  const gallery = once(async () => (typeof named === 'string' ? storeOfFolder(named) : create('gallery', named)))
  return {
    gallery,
    async openGallery(mode, { held = false, folder: other, ...operation } = {}) {
      const { open } = await (other === undefined ? gallery() : storeOfFolder(other))
      const how = { ...defaults, ...operation, mode, root: folder, engine: await engine() }
      if (held) return open(how)
      const { space, dim, members } = await model()
      return open({ ...how, space, dim, members: mode === 'write' ? members : undefined })
    },
  }
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

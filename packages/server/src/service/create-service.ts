import type { Gallery } from '@lookalike/core'
import type { EncoderPool } from '../pool/create-encoder-pool.js'
import { type BesideOptions, createBeside } from './beside.js'
import { createCatalogue } from './catalogue.js'
import { createDuplicates, type FindDuplicates } from './duplicates.js'
import { createOverview } from './overview.js'
import type { Example } from './search-request.js'
import { type ChangesOptions, createServiceChanges } from './service-changes.js'
import { createServiceImages, type ServiceImagesOptions } from './service-images.js'
import { createServiceSearch } from './service-search.js'

export interface ServiceOptions extends ServiceImagesOptions, ChangesOptions {
  readonly gallery: Gallery
  readonly pool: EncoderPool
  /** A second model, to compare its answers. */
  readonly beside?: BesideOptions | undefined
  /** Groups of the same and of near images. */
  readonly findDuplicates?: FindDuplicates | undefined
}

export type { Example, ServiceSearch } from './search-request.js'
export type { ServiceFound, ServiceHit } from './service-search.js'

/** What the HTTP service does, without HTTP. */
export type Service = ReturnType<typeof createService>

export function createService(options: ServiceOptions) {
  const { gallery, pool, writable } = options
  let changes = 0
  const version = () => changes
  const images = createServiceImages(options)
  const beside = options.beside && createBeside(options.beside, gallery, version)
  const catalogue = createCatalogue(gallery, version)

  return {
    gallery,
    pool,
    writable,
    beside,
    pictureOf: images.pictureOf,
    /** Grows with every change. */
    version,
    /** Brings a reader up to date. */
    async refresh(): Promise<boolean> {
      const grown = await gallery.refresh()
      if (grown) changes++
      const others = await beside?.refresh()
      return grown || (others ?? false)
    },

    search: createServiceSearch({ gallery, pool, images, version, beside }),
    get: images.entryOf,
    page: gallery.page.bind(gallery),
    facets: catalogue.facets,
    uncertain: catalogue.uncertain,
    overview: createOverview(gallery, version),
    duplicates: createDuplicates(options.findDuplicates, version),
    thumbnail: images.thumbnail,
    original: images.original,

    async embed(
      examples: readonly Example[],
      role: 'query' | 'gallery',
      operation: { readonly signal?: AbortSignal | undefined } = {},
    ) {
      return Promise.all(examples.map(async (example) => pool.embed(await images.requestOf(example), role, operation)))
    },

    ...createServiceChanges(options, images, () => changes++),
  }
}

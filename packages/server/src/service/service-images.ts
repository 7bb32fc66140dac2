import path from 'node:path'
import {
  type Gallery,
  type GalleryEntry,
  type ImageLimits,
  type ImageRequest,
  isLookalikeError,
  LookalikeError,
  type Warning,
} from '@lookalike/core'
import { entryImages, readSource } from '@lookalike/image'
import type { EncoderPool } from '../pool/create-encoder-pool.js'
import type { Example } from './search-request.js'
import { createThumbnails } from './thumbnails.js'

export interface ServiceImagesOptions {
  readonly gallery: Gallery
  readonly pool: EncoderPool
  /** For thumbnails; they can be made again. */
  readonly cacheFolder: string
  /** Folders whose files the gallery's entries may name, absolute, besides the one that the gallery lies in. */
  readonly paths?: readonly string[] | undefined
  readonly limits?: ImageLimits | undefined
  /** Whether images may be given by address: what `images.urls` allows, or none. Default false. */
  readonly urls?: boolean | undefined
  readonly onWarning?: ((warning: Warning) => void) | undefined
}

type Operation = { readonly signal?: AbortSignal | undefined }

/** The pictures that a service may read: those of its gallery, and those that clients send. */
export type ServiceImages = ReturnType<typeof createServiceImages>

export function createServiceImages(options: ServiceImagesOptions) {
  const { gallery, pool } = options
  const thumbnails = createThumbnails(path.join(options.cacheFolder, 'thumbnails'), pool)
  /** Undefined where there is none that may be shown. */
  const pictureOf = entryImages(gallery, {
    paths: [gallery.root, ...(options.paths ?? [])],
    onWarning: options.onWarning,
  })

  /** @throws `serve/unknown-id` */
  const entryOf = async (id: string): Promise<GalleryEntry> => {
    const [entry] = await gallery.get([id])
    if (entry) return entry
    throw unknownId(id)
  }
  const picture = (entry: GalleryEntry): ImageRequest => {
    const image = pictureOf(entry)
    if (image) return image
    throw noPicture(entry.id)
  }

  return {
    pictureOf,
    entryOf,

    /** A picture as the pool may read it. */
    async requestOf({ id, bytes, url, box }: Example): Promise<ImageRequest> {
      if (bytes) return { source: bytes, box }
      if (url !== undefined) {
        assertUrl(url, options.urls ?? false)
        return { source: url, box }
      }
      const image = picture(await entryOf(id!))
      return { ...image, box: box ?? image.box }
    },

    async thumbnail(id: string, edge: number, { signal }: Operation = {}) {
      const entry = await entryOf(id)
      const image = picture(entry)
      try {
        return { entry, ...(await thumbnails.get(entry.hash, image, edge, signal)) }
      } catch (cause) {
        if (!isLookalikeError(cause) || !cause.code.startsWith('image/')) throw cause
        options.onWarning?.({ code: cause.code, message: cause.message, fields: { ...cause.fields, id } })
        throw noPicture(id, cause)
      }
    },

    /** The bytes of the file of an image. */
    async original(id: string, { signal }: Operation = {}): Promise<Uint8Array> {
      const { source } = picture(await entryOf(id))
      try {
        const bytes = await readSource(source, { ...options.limits, signal })
        if (bytes instanceof Uint8Array) return bytes
      } catch (cause) {
        if (!isLookalikeError(cause) || !cause.code.startsWith('image/')) throw cause
        throw noPicture(id, cause)
      }
      throw noPicture(id)
    },
  }
}

/** A posted address is the client's choice of what this machine asks for: http alone, and only where that is allowed. */
function assertUrl(url: string, allowed: boolean): void {
  if (allowed && /^https?:\/\//i.test(url)) return
  throw new LookalikeError('serve/url-refused', {
    problem: allowed ? 'The address is no http address' : 'This server takes no images by address',
    expected: allowed ? 'an address that starts with http:// or https://' : 'the image itself',
    fix: allowed ? undefined : 'Start the server with --urls to allow addresses.',
  })
}

export const unknownId = (id: string) =>
  new LookalikeError(
    'serve/unknown-id',
    { problem: `The gallery has no image ${JSON.stringify(id)}`, expected: 'the id of an image that is there' },
    { fields: { id } },
  )

const noPicture = (id: string, cause?: unknown) =>
  new LookalikeError(
    'serve/no-picture',
    {
      problem: `There is no picture of ${JSON.stringify(id)} that may be shown`,
      fix: 'The gallery has its vector alone, its file is gone, or it lies where the gallery may not point.',
    },
    { fields: { id }, cause },
  )

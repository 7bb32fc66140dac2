import { LookalikeError } from '@lookalike/core'
import { absoluteFolder } from '../absolute-address.js'
import { type DownloadOptions, download } from '../download/download.js'
import { parseJson, readManifest } from '../download/read-manifest.js'
import type { GalleryImage } from '../manifest.js'
import { readGalleryRows } from './gallery-rows.js'
import { createSmallGallery, type SmallGallery } from './small-gallery.js'

/**
 * The gallery of a folder that `lookalike export model FOLDER --for browser --with-gallery` wrote, thumbnails as absolute addresses.
 *
 * @throws `browser/no-gallery`, `browser/gallery`, `browser/manifest`, `browser/download`, `browser/checksum`
 */
export async function loadSmallGallery(folder: string | URL, options: DownloadOptions = {}): Promise<SmallGallery> {
  const at = absoluteFolder(folder)
  const { gallery, space, dim } = await readManifest(at, options)
  if (!gallery) {
    throw new LookalikeError(
      'browser/no-gallery',
      { problem: `The folder ${at} holds a model and no gallery`, fix: 'Export it again with --with-gallery.' },
      { fields: { folder: at } },
    )
  }
  const get = ({ file, ...rest }: typeof gallery.images) => download({ url: at + file, ...rest }, options)
  const [vectors, listed] = await Promise.all([get(gallery.vectors), get(gallery.images)])
  const images = (parseJson(listed, at + gallery.images.file) as GalleryImage[]).map((image) => ({
    ...image,
    thumbnail: image.thumbnail && new URL(image.thumbnail, at).href,
  }))
  return createSmallGallery(readGalleryRows(vectors, gallery.count, dim), images, space)
}

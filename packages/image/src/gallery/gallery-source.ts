import path from 'node:path'
import {
  type Gallery,
  type GalleryEntry,
  type ImageRequest,
  type ImageSource,
  toWarning,
  type Warning,
} from '@lookalike/core'
import { confineSource } from '../read/confine-source.js'
import { isUrl } from '../read/is-url.js'

/** How a gallery keeps where an image is: files from its base, so that both can move together. */
export function toGallerySource(source: ImageSource, base: string): string | undefined {
  if (source instanceof URL) return source.href
  if (typeof source !== 'string') return undefined
  return isUrl(source) ? source : path.relative(base, source).split(path.sep).join('/')
}

export interface EntryImagesOptions {
  /** Folders whose files entries may name, absolute, besides the gallery's own. */
  readonly paths?: readonly string[] | undefined
  readonly onWarning?: ((warning: Warning) => void) | undefined
}

/**
 * The images of a gallery's entries, undefined where the gallery only has the vector. A gallery may come from anywhere: what it says of itself
 * opens no folder but the one around its own, or the one that its store was opened for. An entry that names a file elsewhere has no image, and the
 * first such entry is the warning `image/not-allowed`.
 */
export function entryImages(
  { name, base, folder }: Pick<Gallery, 'name' | 'base' | 'folder'>,
  { paths = [], onWarning }: EntryImagesOptions = {},
): (entry: GalleryEntry) => ImageRequest | undefined {
  const start = path.resolve(base)
  const root = folder === undefined ? start : path.dirname(path.resolve(folder))
  let told = false
  return ({ id, source, box }) => {
    if (source === undefined) return undefined
    try {
      const named = isUrl(source) ? source : path.resolve(start, source)
      return { source: confineSource(named, { root, paths }), box }
    } catch (error) {
      if (!told) onWarning?.(toWarning(error, { id, gallery: name }))
      told = true
      return undefined
    }
  }
}

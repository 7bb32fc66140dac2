import { existsSync } from 'node:fs'
import { type Gallery, LookalikeError, type OpenGalleryOptions } from '@lookalike/core'
import { openGallery } from '../gallery/open-gallery.js'
import { readManifest } from '../store/manifest.js'

/**
 * Opens a gallery that is there, whatever made its vectors: for what looks at images without a model.
 *
 * @throws `gallery/not-found`, and what `openGallery` throws
 */
export async function openExisting(
  folder: string,
  options: Omit<OpenGalleryOptions, 'space' | 'dim' | 'members'> = {},
): Promise<Gallery> {
  const manifest = readManifest(folder)
  if (!manifest) {
    throw new LookalikeError(
      'gallery/not-found',
      {
        problem: existsSync(folder) ? `The folder ${folder} holds no gallery` : `There is no gallery at ${folder}`,
        fix: 'Index some images first, or check the path.',
      },
      { fields: { path: folder } },
    )
  }
  const { space, dim } = manifest
  return openGallery(folder, { ...options, space, dim })
}

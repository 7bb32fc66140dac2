import path from 'node:path'
import type { Gallery, GalleryEntry, ImageRequest } from '@lookalike/core'
import { openExisting } from '@lookalike/gallery'
import { entryImages } from '@lookalike/image'
import type { Pipeline } from '@lookalike/pipeline'
import type { Output } from '../terminal/create-output.js'

/** The config's gallery, and how its pictures are found. */
export interface OpenedGallery {
  readonly gallery: Gallery
  readonly imageOf: (entry: GalleryEntry) => ImageRequest | undefined
  /** As people call it: its path from the working directory. */
  readonly place: string
}

/** Opens the config's gallery, whatever made its vectors, and closes it in any case. */
export async function withGallery<T>(
  pipeline: Pipeline,
  mode: 'read' | 'write',
  { warn }: Output,
  work: (opened: OpenedGallery) => Promise<T>,
): Promise<T> {
  const folder = pipeline.path(pipeline.config.gallery)
  const gallery = await openExisting(folder, { mode, onWarning: warn })
  try {
    const imageOf = entryImages(folder, { paths: pipeline.imageFolders, onWarning: warn })
    return await work({ gallery, imageOf, place: path.relative('.', folder) || '.' })
  } finally {
    await gallery.close()
  }
}

import type { Gallery, GalleryEntry, ImageRequest } from '@lookalike/core'
import { entryImages } from '@lookalike/image'
import type { Pipeline } from '@lookalike/pipeline'
import type { Output } from '../terminal/create-output.js'
import { placeOf } from './place-of.js'

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
  const gallery = await pipeline.openGallery(mode, { held: true, onWarning: warn })
  try {
    const imageOf = entryImages(gallery, { paths: pipeline.imageFolders, onWarning: warn })
    return await work({ gallery, imageOf, place: placeOf(gallery.name) })
  } finally {
    await gallery.close()
  }
}

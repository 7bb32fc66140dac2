import type { EmbeddingCache, Encoder, Gallery, Model } from '@lookalike/core'
import { embedImages, type ImageToIndex, type Indexed, type IndexImagesOptions, indexImages } from '@lookalike/image'

export interface AddImagesOptions extends IndexImagesOptions {
  /** Gives the cache of a space; it stays open. Nothing is cached without it: what the gallery holds is not embedded again anyway. */
  readonly openCache?: ((space: string, dim: number) => Promise<EmbeddingCache>) | undefined
}

/**
 * Embeds image files into a gallery. Unchanged ones cost their reading, changed ones are replaced.
 *
 * @param images folders, files, URLs, or images with what is to be said of them
 * @throws `index/no-images`, `index/nothing-readable`, the codes of the gallery.
 *
 * @example
 * const { added, skipped } = await addImages(gallery, encoder, ['./photos'])
 */
export async function addImages(
  gallery: Gallery,
  encoder: Encoder,
  images: string | readonly (string | ImageToIndex)[],
  { openCache, ...options }: AddImagesOptions = {},
): Promise<Indexed> {
  const embed: Model['embed'] = (requests, _role, rest) => embedImages(encoder, requests, { openCache, ...rest })
  return indexImages(gallery, { embed }, images, options)
}

import type { Encoder, Gallery, GalleryHit, GallerySearchOptions, ImageRequest } from '@lookalike/core'
import { embedImages } from '@lookalike/image'

/**
 * The k images of a gallery that look most like each query, nearest first.
 *
 * @param images paths, URLs, or images; one that cannot be read is an error
 * @throws the codes of image reading, `gallery/space` and the others of the gallery.
 *
 * @example
 * const [found = []] = await searchImages(gallery, encoder, ['cat.jpg'], 5)
 */
export async function searchImages(
  gallery: Gallery,
  encoder: Encoder,
  images: readonly (string | ImageRequest)[],
  k: number,
  options: GallerySearchOptions = {},
): Promise<GalleryHit[][]> {
  const requests = images.map((image): ImageRequest => (typeof image === 'string' ? { source: image } : image))
  const { signal, onWarning } = options
  const { embeddings } = await embedImages(encoder, requests, { signal, onWarning, onCorrupt: 'fail' })
  return gallery.search(embeddings, k, options)
}

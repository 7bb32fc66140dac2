import {
  type Embeddings,
  type Gallery,
  type GalleryEntry,
  type GalleryPagesOptions,
  galleryEntries,
} from '@lookalike/core'

/* How the tasks look at a gallery: whole, by entry. */

/** All images, or only those that are found. */
export async function entriesOf(
  gallery: Gallery,
  { rejected, signal }: Pick<GalleryPagesOptions, 'rejected' | 'signal'> = {},
): Promise<GalleryEntry[]> {
  return galleryEntries(gallery, { rejected, signal })
}

/** One an id, undefined where there is none. */
export async function lookUp(gallery: Gallery, ids: readonly string[]): Promise<(GalleryEntry | undefined)[]> {
  return gallery.get(ids)
}

/** Their vectors, row by row; of a member when named. */
export function vectorsOf(
  gallery: Gallery,
  entries: readonly GalleryEntry[],
  member?: string,
): Promise<Embeddings<'gallery'>> {
  return gallery.vectors(
    entries.map(({ id }) => id),
    member,
  )
}

/** For people. */
export const nameOf = (gallery: Gallery): string => gallery.name

/** The folder that paths of sources start at, absolute. */
export const baseOf = (gallery: Gallery): string => gallery.base

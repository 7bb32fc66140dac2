import type { Embeddings, Gallery, GalleryEntry } from '@lookalike/core'

/* How the tasks look at a gallery: whole, by entry. */

/** All images, or only those that are found. */
export async function entriesOf(gallery: Gallery, { rejected = true } = {}): Promise<GalleryEntry[]> {
  const entries = gallery.entries()
  return rejected ? entries : entries.filter((entry) => !entry.rejected)
}

/** One an id, undefined where there is none. */
export async function lookUp(gallery: Gallery, ids: readonly string[]): Promise<(GalleryEntry | undefined)[]> {
  return ids.map((id) => gallery.get(id))
}

/** Their vectors, row by row; of a member when named. */
export function vectorsOf(
  gallery: Gallery,
  entries: readonly GalleryEntry[],
  member?: string,
): Promise<Embeddings<'gallery'>> {
  return gallery.vectors(
    entries.map(({ position }) => position),
    member,
  )
}

/** For people. */
export const nameOf = (gallery: Gallery): string => gallery.folder

/** The folder that paths of sources start at, absolute. */
export const baseOf = (gallery: Gallery): string => gallery.folder

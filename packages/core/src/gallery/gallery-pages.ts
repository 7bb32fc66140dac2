import type { Gallery, GalleryEntry, GalleryPage, GalleryPageOptions } from '../contracts/gallery.js'

export type GalleryPagesOptions = Omit<GalleryPageOptions, 'after'>

/**
 * All images of a gallery, a page after the other. What is changed meanwhile may be among them or not.
 *
 * @example
 * for await (const { entries } of galleryPages(gallery, { rejected: true })) console.log(entries.map(({ id }) => id))
 */
export async function* galleryPages<P extends Pick<GalleryPage, 'next'> & { readonly entries: readonly unknown[] }>(
  gallery: { page(options: GalleryPageOptions): Promise<P> },
  options: GalleryPagesOptions = {},
): AsyncGenerator<P, void, undefined> {
  let after: string | undefined
  do {
    options.signal?.throwIfAborted()
    const page = await gallery.page({ ...options, after })
    if (page.entries.length > 0) yield page
    after = page.next
  } while (after !== undefined)
}

/** All of them at once; for galleries whose entries fit into memory. */
export async function galleryEntries(
  gallery: Pick<Gallery, 'page'>,
  options: GalleryPagesOptions = {},
): Promise<GalleryEntry[]> {
  const all: GalleryEntry[] = []
  for await (const { entries } of galleryPages(gallery, options)) all.push(...entries)
  return all
}

import type { GalleryChange } from '../contracts/gallery.js'

/** One change of each image, in the order of their first ones: later ones count more, and what is undefined changes nothing. */
export function mergeChanges(changes: readonly GalleryChange[]): GalleryChange[] {
  const merged = new Map<string, GalleryChange>()
  for (const change of changes) {
    const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
    merged.set(change.id, { ...merged.get(change.id), ...given, id: change.id })
  }
  return [...merged.values()]
}

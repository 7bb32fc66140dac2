import type { GalleryItem, GalleryVectors } from '../contracts/gallery.js'

/** Additions that wait for their turn: whoever gave them may change them meanwhile. */
export function copyAdditions(items: readonly GalleryItem[], vectors: GalleryVectors) {
  const copy = <T extends { readonly data: Float32Array }>(each: T): T => ({ ...each, data: each.data.slice() })
  const members = Object.entries(vectors.members ?? {}).map(([member, each]) => [member, copy(each)] as const)
  return {
    items: structuredClone(items),
    vectors: { embeddings: copy(vectors.embeddings), members: Object.fromEntries(members) },
  }
}

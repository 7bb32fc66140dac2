import type { GalleryChange } from '../contracts/gallery.js'
import { LookalikeError } from '../errors.js'

/** @throws `gallery/item` for texts that would not come back as they are: UTF-8 has no halves of surrogate pairs */
export function checkStorable(items: readonly (GalleryChange & { readonly hash?: string })[]): void {
  for (const { id, hash, source, metadata } of items) {
    const texts = [id, hash, source, ...Object.entries(metadata ?? {}).flat()]
    if (texts.every((text) => typeof text !== 'string' || !/\p{Surrogate}/u.test(text))) continue
    throw new LookalikeError(
      'gallery/item',
      {
        problem: `The gallery item ${JSON.stringify(id).slice(0, 80)} has half a surrogate pair`,
        expected: 'texts that UTF-8 can hold',
      },
      { fields: { id } },
    )
  }
}

import { type GalleryChange, LookalikeError } from '@lookalike/core'

/** Of an id, in UTF-8: what the index of ids takes. */
const MAX_ID_BYTES = 2000

/** PostgreSQL keeps no NUL, and no half of a surrogate pair. */
export const isStorable = (text: string): boolean => !/\0|\p{Surrogate}/u.test(text)

/** @throws `gallery/item` for texts that would not come back as they are */
export function checkStorable(items: readonly (GalleryChange & { readonly hash?: string })[]): void {
  for (const { id, hash, source, metadata } of items) {
    const texts = [id, hash, source, ...Object.entries(metadata ?? {}).flat()]
    if (!texts.every((text) => typeof text !== 'string' || isStorable(text)))
      throw badItem(id, 'has a NUL character or half a surrogate pair', 'texts that UTF-8 and PostgreSQL can hold')
    const bytes = Buffer.byteLength(id)
    if (bytes > MAX_ID_BYTES) throw badItem(id, `has an id of ${bytes} bytes`, `at most ${MAX_ID_BYTES}`)
  }
}

const badItem = (id: string, problem: string, expected: string) =>
  new LookalikeError(
    'gallery/item',
    { problem: `The gallery item ${JSON.stringify(id).slice(0, 80)} ${problem}`, expected },
    { fields: { id } },
  )

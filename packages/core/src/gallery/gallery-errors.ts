import type { GalleryDescription } from '../contracts/gallery.js'
import { LookalikeError } from '../errors.js'

/** What is thrown where a gallery is to be read, or opened for whatever it holds, and there is none. */
export const noSuchGallery = (gallery: string, problem = `There is no gallery at ${gallery}`): LookalikeError =>
  new LookalikeError(
    'gallery/not-found',
    { problem, expected: 'a gallery', fix: 'Index some images first, or check where it is said to be.' },
    { fields: { gallery } },
  )

/** The error `gallery/unknown-id`. */
export const unknownImage = (gallery: string, id: string): LookalikeError =>
  new LookalikeError(
    'gallery/unknown-id',
    {
      problem: `The gallery ${gallery} has no image ${JSON.stringify(id)}`,
      expected: 'the id of an image that is there',
    },
    { fields: { id } },
  )

/**
 * Which vectors are asked for: the searched ones are at 0, then come the members' in their order, as in an addition.
 *
 * @param member undefined for the searched ones
 * @throws `gallery/member`
 */
export function findVectors(gallery: string, held: GalleryDescription, member: string | undefined) {
  const { members } = held
  const at = member === undefined ? 0 : 1 + members.findIndex(({ name }) => name === member)
  const found = member === undefined ? held : members[at - 1]
  if (found) return { at, space: found.space, dim: found.dim }
  throw new LookalikeError('gallery/member', {
    problem: `The gallery ${gallery} keeps no member "${member}"`,
    expected: members.map(({ name }) => name).join(', ') || 'no member',
  })
}

/** What is thrown where a gallery that was opened for reading is to be changed. */
export const readOnlyGallery = (gallery: string): LookalikeError =>
  new LookalikeError(
    'gallery/read-only',
    { problem: `The gallery ${gallery} was opened for reading`, fix: "Open it with mode: 'write'." },
    { fields: { gallery } },
  )

/** What is thrown where a gallery is used after it was closed. */
export const closedGallery = (gallery: string): LookalikeError =>
  new LookalikeError(
    'gallery/closed',
    { problem: `The gallery ${gallery} was closed`, fix: 'Open it again.' },
    { fields: { gallery } },
  )

/** What is thrown for a page that begins nowhere. */
export const noSuchPage = (gallery: string, after: string): LookalikeError =>
  new LookalikeError(
    'gallery/page',
    {
      problem: `The gallery ${gallery} knows no page after ${JSON.stringify(after)}`,
      expected: 'the "next" of a page of this gallery, which was not rewritten since',
      fix: 'Begin again with the first page.',
    },
    { fields: { gallery, after } },
  )

import { stat } from 'node:fs/promises'
import {
  type Gallery,
  type GalleryEntry,
  type ImageRequest,
  isLookalikeError,
  type OperationOptions,
} from '@lookalike/core'
import { hashImage } from '@lookalike/image'
import { entriesOf } from './reading.js'

export interface VerifyGalleryOptions extends OperationOptions {
  /** Where a picture is: `entryImages`. */
  readonly imageOf: (entry: GalleryEntry) => ImageRequest | undefined
  /** Read the pictures and compare their content too. Default false. */
  readonly contents?: boolean | undefined
}

export interface VerifiedGallery {
  readonly images: number
  /** Ids of images whose file is gone. */
  readonly missing: readonly string[]
  /** Ids of images whose file has other content now; only where contents were compared. */
  readonly changed: readonly string[]
  /** Ids of images whose file lies where the gallery may name none. */
  readonly notAllowed: readonly string[]
  /** Images at web addresses, which are not looked at, and images of which there is only the vector. */
  readonly elsewhere: number
}

/**
 * Checks the checksum of every vector, and that every picture is where the gallery says.
 *
 * @throws `gallery/damaged` naming the file and the row
 */
export async function verifyGallery(gallery: Gallery, options: VerifyGalleryOptions): Promise<VerifiedGallery> {
  const { imageOf, contents = false, signal, onProgress } = options
  await gallery.verify({ signal, onProgress })
  const entries = await entriesOf(gallery, { signal })
  const found: Record<Finding, string[]> = { missing: [], changed: [], 'not-allowed': [], elsewhere: [] }
  for (const [done, entry] of entries.entries()) {
    signal?.throwIfAborted()
    const finding = await look(entry, imageOf, contents)
    if (finding) found[finding].push(entry.id)
    onProgress?.({ phase: 'pictures', done: done + 1, total: entries.length, unit: 'image' })
  }
  return {
    images: entries.length,
    missing: found.missing,
    changed: found.changed,
    notAllowed: found['not-allowed'],
    elsewhere: found.elsewhere.length,
  }
}

type Finding = 'missing' | 'changed' | 'not-allowed' | 'elsewhere'

async function look(
  entry: GalleryEntry,
  imageOf: VerifyGalleryOptions['imageOf'],
  contents: boolean,
): Promise<Finding | undefined> {
  const image = imageOf(entry)
  if (!image) return entry.source === undefined ? 'elsewhere' : 'not-allowed'
  if (typeof image.source !== 'string' || /^[a-z][a-z0-9+.-]+:/i.test(image.source)) return 'elsewhere'
  const file = await stat(image.source).catch(() => undefined)
  if (!file?.isFile()) return 'missing'
  if (!contents || entry.hash.startsWith('vector:')) return undefined
  try {
    return (await hashImage(image)) === entry.hash ? undefined : 'changed'
  } catch (error) {
    if (!isLookalikeError(error)) throw error
    return 'missing'
  }
}

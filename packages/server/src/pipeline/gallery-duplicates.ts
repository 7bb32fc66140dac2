import {
  createEmbeddings,
  type Gallery,
  type GalleryEntry,
  type ImageLimits,
  type ImageRequest,
  isLookalikeError,
  type Model,
  type OperationOptions,
} from '@lookalike/core'
import { entryImages } from '@lookalike/image'
import type { EncoderPool } from '../pool/create-encoder-pool.js'
import type { FindDuplicates } from '../service/duplicates.js'
import type { Served } from './open-served.js'

interface DuplicateImage {
  readonly entry: GalleryEntry
  readonly distance: number
}

export type FindGalleryDuplicates = (
  gallery: Gallery,
  options: OperationOptions &
    ImageLimits & {
      readonly threshold?: number | undefined
      readonly embed?: Model['embed'] | undefined
      readonly imageOf: (entry: GalleryEntry) => ImageRequest | undefined
    },
) => Promise<{
  readonly threshold: number
  readonly groups: readonly {
    readonly kind: 'exact' | 'near'
    readonly diameter: number
    readonly keep: DuplicateImage
    readonly others: readonly DuplicateImage[]
  }[]
}>

/** Groups of a gallery's duplicates, looked for with the pool. @param paths folders whose files its entries may name */
export function galleryDuplicates(
  find: FindGalleryDuplicates,
  { gallery, pool }: Served,
  limits: ImageLimits,
  paths: readonly string[],
): FindDuplicates {
  return async (threshold, operation) => {
    const imageOf = entryImages(gallery, { paths })
    const embed = embedInPool(pool)
    const found = await find(gallery, { ...limits, ...operation, threshold, embed, imageOf })
    return {
      threshold: found.threshold,
      groups: found.groups.map(({ keep, others, ...group }) => ({ ...group, images: [keep, ...others] })),
    }
  }
}

/** The pool as models embed; images that cannot be read are left out. */
function embedInPool(pool: EncoderPool): Model['embed'] {
  return async (images, role, { signal } = {}) => {
    const rows: number[] = []
    const data: number[] = []
    for (const [position, image] of images.entries()) {
      // One after the other: those who search come in between.
      const found = await pool.embed(image, role, { signal }).catch((error: unknown) => {
        if (!isLookalikeError(error) || !error.code.startsWith('image/')) throw error
      })
      if (!found) continue
      rows.push(position)
      data.push(...found.embeddings.data)
    }
    const { dim, space, symmetric } = pool
    const part = { rows: rows.length, dim, space, role: symmetric ? ('any' as const) : role }
    return {
      positions: Int32Array.from(rows),
      embeddings: createEmbeddings({ data: Float32Array.from(data), ...part }),
    }
  }
}

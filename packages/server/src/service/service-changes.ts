import path from 'node:path'
import {
  type Gallery,
  type GalleryChange,
  type GalleryEntry,
  type GalleryItem,
  LookalikeError,
  type Metadata,
} from '@lookalike/core'
import { toGallerySource } from '@lookalike/image'
import type { EncoderPool } from '../pool/create-encoder-pool.js'
import type { Example } from './search-request.js'
import { type ServiceImages, unknownId } from './service-images.js'
import { createTurnsById } from './turns-by-id.js'
import { createUploads } from './uploads.js'

type Operation = { readonly signal?: AbortSignal | undefined }

export interface ChangesOptions {
  readonly gallery: Gallery
  readonly pool: EncoderPool
  /** Whether the gallery was opened for writing. */
  readonly writable: boolean
  /** Where the files of sent images are kept; undefined keeps none. Default: `uploads` in the root of the gallery. */
  readonly uploads?: string | false | undefined
}

/**
 * What changes a gallery; a change is there when it resolves.
 *
 * @throws all of them `serve/read-only`, and the codes of galleries
 */
export function createServiceChanges(options: ChangesOptions, images: ServiceImages, onChange: () => void) {
  const { gallery, pool, writable } = options
  const uploads =
    options.uploads === false ? undefined : createUploads(options.uploads ?? path.join(gallery.root, 'uploads'))
  const inTurn = createTurnsById()
  const assertWritable = () => {
    if (writable) return
    throw new LookalikeError('serve/read-only', {
      problem: 'The gallery is served for reading',
      fix: 'Start the server with --write to change it.',
    })
  }

  return {
    /** Adds an image or replaces that of the same id. */
    async put(
      id: string,
      image: Example,
      { metadata, rejected }: { readonly metadata: Metadata; readonly rejected: boolean },
      operation: Operation = {},
    ): Promise<GalleryEntry> {
      assertWritable()
      const embedded = await pool.embed(await images.requestOf(image), 'gallery', operation)
      const hash = embedded.hash!
      // Another request for this id must not take this one's file for a left one.
      return inTurn(id, async () => {
        const kept = image.bytes && uploads ? await uploads.keep(id, hash, image.bytes) : image.url
        const item: GalleryItem = {
          id,
          hash,
          metadata,
          rejected,
          uncertainty: embedded.uncertainty,
          source: kept === undefined ? undefined : toGallerySource(kept, gallery.base),
          box: image.box,
        }
        const [before] = await gallery.get([id])
        try {
          await gallery.add([item], { embeddings: embedded.embeddings, members: embedded.members }, {})
        } catch (error) {
          // Nothing names its file now, but for one that was there before.
          await uploads?.forget(id, before?.hash)
          throw error
        }
        onChange()
        await uploads?.forget(id, image.bytes ? hash : undefined)
        return images.entryOf(id)
      })
    },

    async update(id: string, change: Pick<GalleryChange, 'metadata' | 'uncertainty' | 'rejected'>) {
      assertWritable()
      await images.entryOf(id)
      await gallery.update([{ id, ...change }])
      onChange()
      return images.entryOf(id)
    },

    async reject(ids: readonly string[], rejected: boolean): Promise<number> {
      assertWritable()
      const found = await gallery.get(ids)
      const unknown = ids.find((_, i) => !found[i])
      if (unknown !== undefined) throw unknownId(unknown)
      const changes = [...new Set(ids)].filter((_, i) => found[i]!.rejected !== rejected)
      if (changes.length > 0) await gallery.update(changes.map((id) => ({ id, rejected })))
      onChange()
      return changes.length
    },

    async remove(ids: readonly string[]): Promise<number> {
      assertWritable()
      const removed = await gallery.remove(ids)
      onChange()
      for (const id of new Set(ids))
        await inTurn(id, async () => {
          // It may have come again meanwhile.
          const [entry] = await gallery.get([id])
          await uploads?.forget(id, entry?.hash)
        })
      return removed
    },
  }
}

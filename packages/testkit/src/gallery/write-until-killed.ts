import { writeSync } from 'node:fs'
import { createEmbeddings, createRandom, type GalleryStore } from '@lookalike/core'
import { SPACE } from './sample-gallery.js'

/** Images added at a time. */
export const CRASH_BATCH = 7

/** The vector that belongs to an id. */
export function crashVector(id: string, dim: number): Float32Array {
  const random = createRandom(id)
  return Float32Array.from({ length: dim }, () => random.normal() / dim)
}

/**
 * Adds images to a gallery until the process is killed, and says on stdout which batch is done: what the check of crashes starts as a process of
 * its own.
 *
 * @param dim as in the options of the check
 */
export async function writeUntilKilled(store: GalleryStore, dim = 16): Promise<never> {
  const gallery = await store.open({ space: SPACE, dim })
  for (let batch = (await gallery.count()) / CRASH_BATCH; ; batch++) {
    const start = Math.ceil(batch)
    const ids = Array.from({ length: CRASH_BATCH }, (_, i) => `batch-${start}-${i}`)
    const data = Float32Array.from(ids.flatMap((id) => [...crashVector(id, dim)]))
    await gallery.add(
      ids.map((id) => ({ id, hash: id, metadata: { batch: start } })),
      { embeddings: createEmbeddings({ data, rows: CRASH_BATCH, dim, space: SPACE, role: 'gallery' }) },
    )
    writeSync(1, `done ${start}\n`)
    batch = start
  }
}

import {
  createEmbeddings,
  type Gallery,
  type GalleryEntry,
  LookalikeError,
  type OperationOptions,
} from '@lookalike/core'
import { vectorsOf } from '../care/reading.js'
import type { Pair } from './complete-linkage.js'

const BLOCK_ROWS = 512
/** Neighbours that are asked for at first, the image itself among them. */
const FIRST_K = 16
/** More than this, and the threshold tells nothing apart. */
const MOST_PAIRS = 5_000_000

/**
 * All pairs of images up to a distance, by their places in the list.
 *
 * @param entries images of the gallery that are no exact copies of each other
 * @throws `duplicates/threshold` where there are more than five million
 */
export async function nearPairs(
  gallery: Gallery,
  entries: readonly GalleryEntry[],
  size: number,
  threshold: number,
  { signal, onProgress }: OperationOptions = {},
): Promise<Pair[]> {
  const rowOfHash = new Map(entries.map(({ hash }, row) => [hash, row]))
  const pairs: Pair[] = []
  for (let start = 0; start < entries.length; start += BLOCK_ROWS) {
    const end = Math.min(start + BLOCK_ROWS, entries.length)
    let open = Array.from({ length: end - start }, (_, i) => start + i)
    for (let k = Math.min(FIRST_K, size); open.length > 0; k = Math.min(4 * k, size)) {
      signal?.throwIfAborted()
      const queries = await asQueries(
        gallery,
        open.map((row) => entries[row]!),
      )
      const found = await gallery.search(queries, k, { signal })
      const unfinished: number[] = []
      for (const [i, hits] of found.entries()) {
        const a = open[i]!
        // All that it found are near: there may be more.
        if (k < size && hits.length > 0 && hits.at(-1)!.distance <= threshold) {
          unfinished.push(a)
          continue
        }
        const seen = new Set<number>()
        for (const { entry, distance } of hits) {
          if (distance > threshold) break
          const b = rowOfHash.get(entry.hash)
          // Exact copies of one image count once. Both see each other: it is taken from the earlier one.
          if (b === undefined || b <= a || seen.has(b)) continue
          seen.add(b)
          pairs.push({ a, b, distance: Math.max(0, distance) })
        }
        if (pairs.length > MOST_PAIRS) throw tooMany(threshold)
      }
      open = unfinished
    }
    onProgress?.({ phase: 'compare', done: end, total: entries.length, unit: 'image' })
  }
  return pairs
}

/** Vectors of a gallery's own images as something to search by. */
export async function asQueries(gallery: Gallery, entries: readonly GalleryEntry[]) {
  return createEmbeddings({ ...(await vectorsOf(gallery, entries)), role: 'any' })
}

const tooMany = (threshold: number) =>
  new LookalikeError(
    'duplicates/threshold',
    {
      problem: `More than five million pairs of images are nearer than ${threshold}`,
      expected: 'a threshold within which few images lie',
      fix: 'Give a smaller one.',
    },
    { fields: { threshold } },
  )

import type { Embeddings, GalleryEntry, GalleryHit, Ranking } from '@lookalike/core'
import type { EntryTable } from '../store/entry-table.js'

/**
 * What rankings stand for, without images that went meanwhile.
 *
 * @param vectors reads the vectors of rows; those of the very rows that were found come with the hits
 */
export async function galleryHits(
  rankings: readonly Ranking[],
  entries: EntryTable,
  vectors?: (positions: readonly number[]) => Promise<Embeddings>,
): Promise<GalleryHit[][]> {
  const found = rankings.map(({ positions, distances }) =>
    Array.from(positions, (position, i) => ({ position, entry: entries.at(position), distance: distances[i]! })).filter(
      (hit): hit is typeof hit & { entry: GalleryEntry } => hit.entry !== undefined,
    ),
  )
  if (!vectors) return found.map((hits) => hits.map(({ entry, distance }) => ({ entry, distance })))
  const rows = new Map<number, number>()
  for (const { position } of found.flat()) if (!rows.has(position)) rows.set(position, rows.size)
  const { data, dim } = await vectors([...rows.keys()])
  return found.map((hits) =>
    hits.map(({ position, entry, distance }) => {
      const row = rows.get(position)!
      return { entry, distance, vector: data.slice(row * dim, (row + 1) * dim) }
    }),
  )
}

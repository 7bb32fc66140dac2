import {
  createEmbeddings,
  type Embeddings,
  type Gallery,
  type GalleryEntry,
  LookalikeError,
  type Metadata,
} from '@lookalike/core'

/** A gallery in memory, of vectors of three values. */
export function memoryGallery(folder: string): Gallery & { readonly calls: { searches: number; rows: number } } {
  const entries = new Map<string, GalleryEntry>()
  const vectors = new Map<string, Float32Array>()
  const calls = { searches: 0, rows: 0 }
  const fits = (metadata: Metadata | undefined, filter: Record<string, unknown> = {}) =>
    Object.entries(filter).every(([key, value]) => metadata?.[key] === value)
  const known = (id: string) => {
    const found = vectors.get(id)
    if (!found) throw new LookalikeError('gallery/unknown-id', { problem: `no ${id}` })
    return found
  }
  const gallery: Partial<Gallery> & { readonly calls: typeof calls } = {
    calls,
    name: 'memory',
    space: 'colours/1',
    dim: 3,
    root: folder,
    base: `${folder}/gallery`,
    folder: `${folder}/gallery`,
    count: async ({ rejected, filter } = {}) =>
      [...entries.values()].filter(
        (entry) =>
          (rejected === undefined || entry.rejected === rejected) &&
          fits(entry.metadata, filter as Record<string, unknown>),
      ).length,
    get: async (ids) => ids.map((id) => entries.get(id)),
    async page({ after, limit = 1000, rejected, filter, withVectors } = {}) {
      const all = [...entries.values()].filter(
        (entry) =>
          (rejected === undefined || entry.rejected === rejected) &&
          fits(entry.metadata, filter as Record<string, unknown>),
      )
      const start = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1
      const page = all.slice(start, start + limit)
      return {
        entries: page,
        ...(withVectors && { embeddings: await gallery.vectors!(page.map(({ id }) => id)) }),
        ...(start + limit < all.length && { next: page.at(-1)!.id }),
      }
    },
    async add(items, { embeddings }) {
      for (const [row, item] of items.entries()) {
        entries.set(item.id, { ...item, rejected: item.rejected ?? false })
        vectors.set(item.id, embeddings.data.slice(row * 3, row * 3 + 3))
      }
    },
    async update(changes) {
      for (const { id, ...change } of changes) {
        const before = entries.get(id)!
        entries.set(id, { ...before, ...change, rejected: change.rejected ?? before.rejected })
      }
    },
    remove: async (ids) => ids.filter((id) => vectors.delete(id) && entries.delete(id)).length,
    async search(queries, k, { filter, includeRejected } = {}) {
      calls.searches++
      calls.rows += queries.rows
      return Array.from({ length: queries.rows }, (_, row) =>
        [...entries.values()]
          .filter(
            ({ rejected, metadata }) =>
              (includeRejected || !rejected) && fits(metadata, filter as Record<string, unknown>),
          )
          .map((entry) => ({ entry, distance: 1 - dot(queries, row, known(entry.id)) }))
          .sort((a, b) => a.distance - b.distance)
          .slice(0, k),
      )
    },
    async vectors(ids) {
      const data = new Float32Array(ids.flatMap((id) => [...known(id)]))
      return createEmbeddings({ data, rows: ids.length, dim: 3, space: 'colours/1', role: 'gallery' })
    },
    refresh: async () => false,
    close: async () => undefined,
  }
  // As much of a gallery as the service asks for.
  return gallery as Gallery & { readonly calls: typeof calls }
}

const dot = ({ data }: Embeddings, row: number, vector: Float32Array) =>
  [0, 1, 2].reduce((sum, i) => sum + data[row * 3 + i]! * vector[i]!, 0)

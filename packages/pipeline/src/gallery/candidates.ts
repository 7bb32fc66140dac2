import {
  createEmbeddings,
  createRanking,
  type Gallery,
  type GalleryEntry,
  type GalleryHit,
  type GallerySearchOptions,
  type GalleryView,
  galleryPages,
  type Ranking,
} from '@lookalike/core'

/** The images that rerankers see, as rows: what positions in rankings stand for. */
export interface Candidates {
  readonly entries: readonly GalleryEntry[]
  readonly view: GalleryView
  rankingOf(hits: readonly GalleryHit[]): Ranking
}

/** The images that were found, and no others. The hits have vectors, or nobody looks at them. */
export function candidatesOf(
  gallery: Gallery,
  found: readonly (readonly GalleryHit[])[],
  search: GallerySearchOptions,
): Candidates {
  const hits = new Map(found.flat().map((hit) => [hit.entry.id, hit]))
  const data = new Float32Array(hits.size * gallery.dim)
  for (const [row, { vector }] of [...hits.values()].entries()) if (vector) data.set(vector, row * gallery.dim)
  return createCandidates(
    gallery,
    Array.from(hits.values(), ({ entry }) => entry),
    data,
    search,
  )
}

/** Everything that the search may find, for rerankers that compare more than what was found. */
export async function wholeGallery(gallery: Gallery, search: GallerySearchOptions): Promise<Candidates> {
  const entries: GalleryEntry[] = []
  const blocks: Float32Array[] = []
  const { filter, signal } = search
  for await (const page of galleryPages(gallery, { filter, signal, rejected: false, withVectors: true })) {
    entries.push(...page.entries)
    blocks.push(page.embeddings!.data)
  }
  const data = new Float32Array(entries.length * gallery.dim)
  let offset = 0
  for (const block of blocks) {
    data.set(block, offset)
    offset += block.length
  }
  return createCandidates(gallery, entries, data, search)
}

function createCandidates(
  gallery: Gallery,
  entries: readonly GalleryEntry[],
  data: Float32Array,
  search: GallerySearchOptions,
): Candidates {
  const rows = new Map(entries.map(({ id }, row) => [id, row]))
  /** Images that came since the entries were read have no row. */
  const rankingOf = (hits: readonly GalleryHit[]) => {
    const known = hits.filter(({ entry }) => rows.has(entry.id))
    return createRanking(
      Int32Array.from(known, ({ entry }) => rows.get(entry.id)!),
      Float32Array.from(known, ({ distance }) => distance),
    )
  }
  const { space, dim } = gallery
  return {
    entries,
    rankingOf,
    view: {
      embeddings: createEmbeddings({ data, rows: entries.length, dim, space, role: 'gallery' }),
      codes: gallery.codes,
      nearest: async (queries, k) => (await gallery.search(queries, k, search)).map(rankingOf),
    },
  }
}

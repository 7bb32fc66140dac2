import {
  createEmbeddings,
  createRanking,
  type Gallery,
  type GalleryEntry,
  type GalleryHit,
  type GalleryPage,
  type GalleryPageOptions,
  type GallerySearchOptions,
  type GalleryView,
  galleryPages,
  type Ranking,
} from '@lookalike/core'

/** What is asked of an entry here. */
export interface Identified {
  readonly id: string
}

export interface CandidateHit<E extends Identified = GalleryEntry> extends Omit<GalleryHit, 'entry'> {
  readonly entry: E
}

/** As much of a gallery as rerankers see. */
export interface CandidateGallery<E extends Identified = GalleryEntry>
  extends Pick<Gallery, 'space' | 'dim' | 'codes'> {
  search(...given: Parameters<Gallery['search']>): Promise<readonly (readonly CandidateHit<E>[])[]>
  page(options: GalleryPageOptions): Promise<Omit<GalleryPage, 'entries'> & { readonly entries: readonly E[] }>
}

/** The images that rerankers see, as rows: what positions in rankings stand for. */
export interface Candidates<E extends Identified = GalleryEntry> {
  readonly entries: readonly E[]
  readonly view: GalleryView
  /** Images that came since the entries were read have none. */
  rowOf(id: string): number | undefined
  rankingOf(hits: readonly CandidateHit<E>[]): Ranking
}

/** The images that were found, and no others. The hits have vectors, or nobody looks at them. */
export function candidatesOf<E extends Identified>(
  gallery: CandidateGallery<E>,
  found: readonly (readonly CandidateHit<E>[])[],
  search: GallerySearchOptions,
): Candidates<E> {
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
export async function wholeGallery<E extends Identified>(
  gallery: CandidateGallery<E>,
  search: GallerySearchOptions,
): Promise<Candidates<E>> {
  const entries: E[] = []
  const blocks: Float32Array[] = []
  const { filter, includeRejected, signal } = search
  const rejected = includeRejected ? undefined : false
  for await (const page of galleryPages(gallery, { filter, signal, rejected, withVectors: true })) {
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

function createCandidates<E extends Identified>(
  gallery: CandidateGallery<E>,
  entries: readonly E[],
  data: Float32Array,
  search: GallerySearchOptions,
): Candidates<E> {
  const rows = new Map(entries.map(({ id }, row) => [id, row]))
  const rankingOf = (hits: readonly CandidateHit<E>[]) => {
    const known = hits.filter(({ entry }) => rows.has(entry.id))
    return createRanking(
      Int32Array.from(known, ({ entry }) => rows.get(entry.id)!),
      Float32Array.from(known, ({ distance }) => distance),
    )
  }
  const { space, dim } = gallery
  return {
    entries,
    rowOf: (id) => rows.get(id),
    rankingOf,
    view: {
      embeddings: createEmbeddings({ data, rows: entries.length, dim, space, role: 'gallery' }),
      codes: gallery.codes,
      nearest: async (queries, k) => (await gallery.search(queries, k, search)).map(rankingOf),
    },
  }
}

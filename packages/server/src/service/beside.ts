import { type Filter, type Gallery, type GalleryEntry, galleryPages, LookalikeError } from '@lookalike/core'
import type { EncoderPool } from '../pool/create-encoder-pool.js'
import { createSearchBatches, type SearchBatches } from './search-batches.js'

/** A second model with a gallery of its own, to compare answers with. */
export interface BesideOptions {
  /** Of its config, for people. */
  readonly name: string
  readonly gallery: Gallery
  readonly pool: EncoderPool
}

export interface BesideInfo {
  readonly name: string
  readonly model: string
  readonly space: string
  readonly size: number
  /** Images that both galleries hold. */
  readonly shared: number
}

/** An image of the first gallery, as the second model ranks it. */
export interface BesideHit {
  readonly entry: GalleryEntry
  readonly distance: number
}

export interface Beside {
  readonly gallery: Gallery
  readonly pool: EncoderPool
  info(): Promise<BesideInfo>
  /** The id that the second gallery has for an image of the first one. */
  idOf(id: string): Promise<string | undefined>
  /** The nearest images that both galleries hold. */
  search(
    query: Parameters<SearchBatches['search']>[0],
    wanted: number,
    options: {
      readonly filter?: Filter | undefined
      readonly includeRejected: boolean
      readonly except: ReadonlySet<string>
      readonly signal?: AbortSignal | undefined
    },
  ): Promise<readonly BesideHit[]>
  /** Brings it up to date. */
  refresh(): Promise<boolean>
}

/** Ids of the same image here and there. */
interface Pairs {
  readonly here: ReadonlyMap<string, string>
  readonly there: ReadonlyMap<string, string>
}

/** @param version of the first gallery; it grows with every change */
export function createBeside({ name, gallery, pool }: BesideOptions, first: Gallery, version: () => number): Beside {
  const batches = createSearchBatches(gallery)
  let own = 0
  let kept: { readonly of: string; readonly pairs: Promise<Pairs> } | undefined

  const pairs = (): Promise<Pairs> => {
    const of = `${version()} ${own}`
    if (kept?.of !== of) {
      const made = pairImages(first, gallery)
      kept = { of, pairs: made }
      made.catch(() => {
        if (kept?.pairs === made) kept = undefined
      })
    }
    return kept.pairs
  }

  return {
    gallery,
    pool,
    async info() {
      const { here } = await pairs()
      return { name, model: pool.name, space: gallery.space, size: await gallery.count(), shared: here.size }
    },
    idOf: async (id) => (await pairs()).here.get(id),

    async search(query, wanted, { filter, includeRejected, except, signal }) {
      const { there } = await pairs()
      const size = await gallery.count()
      for (let depth = wanted + except.size; ; depth *= 4) {
        // Whether an image is rejected is said by the first gallery.
        const found = await batches.search(query, depth, { filter, includeRejected: true, signal })
        signal?.throwIfAborted()
        const known = found.flatMap(({ entry, distance }) => {
          const id = there.get(entry.id)
          return id === undefined || except.has(id) ? [] : [{ id, distance }]
        })
        const entries = await first.get(known.map(({ id }) => id))
        const hits = known.flatMap(({ distance }, i) => {
          const entry = entries[i]
          return entry && (includeRejected || !entry.rejected) ? [{ entry, distance }] : []
        })
        // Images that only the second gallery holds took the place of others.
        if (hits.length >= wanted || found.length < depth || depth >= size) return hits.slice(0, wanted)
      }
    },

    async refresh() {
      const grown = await gallery.refresh()
      if (grown) own++
      return grown
    },
  }
}

/** The same image has the same content in both; of several copies those of the same id go together, then the first left of each. */
async function pairImages(first: Gallery, second: Gallery): Promise<Pairs> {
  const byHash = new Map<string, Set<string>>()
  for await (const { entries } of galleryPages(first))
    for (const { id, hash } of entries) byHash.set(hash, (byHash.get(hash) ?? new Set()).add(id))
  const here = new Map<string, string>()
  const there = new Map<string, string>()
  const left: GalleryEntry[] = []
  const pair = (entry: GalleryEntry, id: string) => {
    byHash.get(entry.hash)!.delete(id)
    here.set(id, entry.id)
    there.set(entry.id, id)
  }
  for await (const { entries } of galleryPages(second))
    for (const entry of entries)
      if (byHash.get(entry.hash)?.has(entry.id)) pair(entry, entry.id)
      else if (byHash.has(entry.hash)) left.push(entry)
  for (const entry of left) for (const id of [...byHash.get(entry.hash)!].slice(0, 1)) pair(entry, id)
  return { here, there }
}

/** @throws `serve/beside` */
export async function assertShared(beside: Beside, first: Gallery): Promise<void> {
  const { shared } = await beside.info()
  if (shared > 0) return
  const [here, there] = [await first.count(), await beside.gallery.count()]
  throw new LookalikeError(
    'serve/beside',
    {
      problem: `The galleries ${first.name} (${here} images) and ${beside.gallery.name} (${there} images) share no image`,
      expected: 'two galleries of the same images: the contents of their files tell which are the same',
      fix: 'Index the same images with both configs.',
    },
    { fields: { gallery: first.name, beside: beside.gallery.name } },
  )
}

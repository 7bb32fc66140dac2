import type { VectorIndexEngine } from '@lookalike/core'
import { createEmbeddings, type Embeddings, LookalikeError, type OperationOptions, type Warning } from '@lookalike/core'
import { findVectors } from '@lookalike/core/gallery'
import { createEntryTable, type EntryTable } from '../store/entry-table.js'
import type { Manifest } from '../store/manifest.js'
import { openStore, type Store, type StoreOptions } from '../store/store.js'
import { createRowFilters, type RowFilters } from './allowed-rows.js'
import { createGalleryIndex, type GalleryIndex } from './gallery-index.js'
import { createGallerySearch, type GallerySearch } from './gallery-search.js'

/** Rows checked between two looks at the signal. */
const VERIFIED_ROWS = 4096

/** One generation of a gallery: its images, their vectors, and what searches them. */
export interface GalleryContents {
  readonly entries: EntryTable
  readonly store: Store
  readonly index: GalleryIndex
  readonly search: GallerySearch
  readonly filters: RowFilters
  /** Vectors of images by position, checked; of a member when named. */
  vectors(positions: readonly number[], member?: string): Promise<Embeddings<'gallery'>>
  verify(options: OperationOptions): Promise<void>
  dispose(): Promise<void>
}

export interface ContentsOptions
  extends Pick<StoreOptions, 'mode' | 'unsealed' | 'acceptLoss' | 'beforeWrite' | 'isWritten'> {
  readonly engine: VectorIndexEngine
  readonly onWarning: (warning: Warning) => void
}

/** @throws `gallery/damaged` */
export async function openContents(
  folder: string,
  manifest: Manifest,
  options: ContentsOptions,
): Promise<GalleryContents> {
  const { engine, onWarning } = options
  const entries = createEntryTable()
  const store = await openStore(folder, manifest, { ...options, onChange: (records) => entries.apply(records) })
  const index = createGalleryIndex(folder, { store, engine, entries }, onWarning)
  const filters = createRowFilters(folder, entries)
  const isThere = (row: number) => entries.at(row) !== undefined

  async function vectors(positions: readonly number[], member?: string): Promise<Embeddings<'gallery'>> {
    const { at: file, space, dim } = findVectors(folder, manifest, member)
    for (const position of positions) if (!entries.at(position)) throw noImage(folder, position)
    const data = new Float32Array(positions.length * dim)
    for (let start = 0; start < positions.length; ) {
      // Neighbours come in one read.
      let end = start + 1
      while (end < positions.length && positions[end] === positions[end - 1]! + 1) end++
      data.set(await store.read(file, positions[start]!, end - start, () => true), start * dim)
      start = end
    }
    return createEmbeddings({ data, rows: positions.length, dim, space, role: 'gallery' })
  }

  const search = createGallerySearch({ filters, entries, store, index, vectors })
  return {
    entries,
    store,
    index,
    search,
    filters,
    vectors,
    async verify({ signal, onProgress }) {
      const { rows } = store
      for (let start = 0; start < rows; start += VERIFIED_ROWS) {
        signal?.throwIfAborted()
        const count = Math.min(VERIFIED_ROWS, rows - start)
        for (let file = 0; file <= manifest.members.length; file++) await store.read(file, start, count, isThere)
        onProgress?.({ phase: 'verify', done: start + count, total: rows, unit: 'image' })
      }
    },
    async dispose() {
      await search.dispose()
      await index.dispose()
      await store.close()
    },
  }
}

const noImage = (folder: string, position: number) =>
  new LookalikeError(
    'gallery/position',
    {
      problem: `The gallery ${folder} has no image at position ${position}`,
      expected: 'the position of an image that is there',
    },
    { fields: { path: folder, position } },
  )
